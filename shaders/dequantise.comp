#version 460
// dequantise: a matrix of NF4 or NF4Double in 16 bits, for products on matrix
// units of many rows, where decoding once costs less than in every tile.
// Shapes: w has n elements, a multiple of 64; y n elements in F16 or, with
// BFLOAT16, in BF16, two a word.
// Grid: n/8/256 workgroups, folded; an invocation eight elements, a word of codes.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint WEIGHT = 3;
layout(constant_id = 1) const bool BFLOAT16 = false;

#include "weights.glsl"

layout(push_constant, scalar) uniform Push {
  Uints w, y;
  Tables tables;
  WeightParts parts;
  uint n;
};

// The upper half of a float32, rounded to nearest even.
uint upper_half(float v) {
  uint bits = floatBitsToUint(v);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

void main() {
  uint i = (flat_group() * 256 + gl_LocalInvocationID.x) * 8;
  if (i >= n) return;
  uint codes = w.v[i / 8];
  float scale = block_scale(w, parts, tables, i >> 6);
  for (uint pair = 0; pair < 4; pair++) {
    // The first element of a byte is in its upper half.
    uint code = (codes >> (8 * pair)) & 255;
    vec2 v = scale * vec2(tables.normal[code >> 4], tables.normal[code & 15]);
    y.v[i / 2 + pair] = BFLOAT16 ? upper_half(v.x) | upper_half(v.y) << 16 : packHalf2x16(v);
  }
}
