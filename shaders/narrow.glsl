// Activations in 16 bits, and their rounding. A kernel that takes them has a constant TYPES: two bits
// for each such operand, in the order that it says.
#extension GL_EXT_shader_16bit_storage : require

const uint F32 = 0, BF16 = 1, F16 = 2;
#define TYPE_OF(operand) (TYPES >> (2 * (operand)) & 3)

layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Shorts { uint16_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Halves { float16_t v[]; };
// For operands whose address and columns are multiples of 4 elements.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Half4s { f16vec4 v[]; };
// Of 8 elements.
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Eights { uvec4 v[]; };

// Four or eight elements as they lie in memory.
struct Raw {
  uvec4 low, high;
};

// Floats rounded to bfloat16, to nearest even, in the upper 16 bits. Infinity stays, and so do NaNs as
// arithmetic gives them: the largest ones would become zero and are taken down first.
uvec4 rounded_halves(vec4 v) {
  uvec4 bits = floatBitsToUint(v), size = min(bits & 0x7fffffffu, uvec4(0x7fff0000u));
  return (bits & 0x80000000u) | (size + 0x7fffu + ((bits >> 16) & 1));
}

uvec2 pack_bfloat16(vec4 v) {
  uvec4 h = rounded_halves(v);
  return (h.xz >> 16) | (h.yw & 0xffff0000u);
}

vec4 unpack_bfloat16(uvec2 v) { return uintBitsToFloat(uvec4(v.x << 16, v.x & 0xffff0000u, v.y << 16, v.y & 0xffff0000u)); }

// Element i of x.
float get(Floats x, uint type, uint i) {
  if (type == BF16) return uintBitsToFloat(uint(Shorts(x).v[i]) << 16);
  return type == F16 ? float(Halves(x).v[i]) : x.v[i];
}

void put(Floats y, uint type, uint i, float v) {
  if (type == BF16) Shorts(y).v[i] = uint16_t(rounded_halves(vec4(v)).x >> 16);
  else if (type == F16) Halves(y).v[i] = float16_t(v);
  else y.v[i] = v;
}

// Elements i to i+3 of x, i a multiple of 4.
vec4 get4(Floats x, uint type, uint i) {
  if (type == BF16) return unpack_bfloat16(Pairs(x).v[i / 4]);
  return type == F16 ? vec4(Half4s(x).v[i / 4]) : Vec4s(x).v[i / 4];
}

void put4(Floats y, uint type, uint i, vec4 v) {
  if (type == BF16) Pairs(y).v[i / 4] = pack_bfloat16(v);
  else if (type == F16) Half4s(y).v[i / 4] = f16vec4(v);
  else Vec4s(y).v[i / 4] = v;
}
