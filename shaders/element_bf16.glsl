// Factors of attention's products in bfloat16.
#extension GL_EXT_bfloat16 : require
#define ELEMENT bfloat16_t

// Halves of floats rounded to nearest even, in the upper 16 bits. Infinity stays, and so do NaNs as
// arithmetic gives them: the largest ones would become zero and are taken down first.
uvec4 rounded_halves(vec4 v) {
  uvec4 bits = floatBitsToUint(v), size = min(bits & 0x7fffffffu, uvec4(0x7fff0000u));
  return (bits & 0x80000000u) | (size + 0x7fffu + ((bits >> 16) & 1));
}

uvec2 pack4(vec4 v) {
  uvec4 h = rounded_halves(v);
  return (h.xz >> 16) | (h.yw & 0xffff0000u);
}
