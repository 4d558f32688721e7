// Factors of attention's products in bfloat16.
#extension GL_EXT_bfloat16 : require
#define ELEMENT bfloat16_t

// The upper halves of floats, rounded to nearest even. A NaN stays one.
uvec4 upper_halves(vec4 v) {
  uvec4 bits = floatBitsToUint(v);
  uvec4 rounded = bits + 0x7fffu + ((bits >> 16) & 1);
  bvec4 not_finite = greaterThanEqual(bits & 0x7fffffffu, uvec4(0x7f800000u));
  uvec4 kept = bits | mix(uvec4(0), uvec4(0x400000u), greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u)));
  return mix(rounded, kept, not_finite) >> 16;
}

uvec2 pack4(vec4 v) {
  uvec4 h = upper_halves(v);
  return uvec2(h.x | h.y << 16, h.z | h.w << 16);
}
