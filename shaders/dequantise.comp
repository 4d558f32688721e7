#version 460
// dequantise: a matrix of NF4 or NF4Double in 16 bits, for products on matrix
// units of many rows, where decoding once costs less than in every tile.
// Shapes: w has n elements, a multiple of 64; y n elements of the type TO.
// Grid: n/8/256 workgroups, folded; an invocation eight elements, a word of codes.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint WEIGHT = 3;
layout(constant_id = 1) const uint TO = 2;

#include "weights.glsl"

layout(push_constant, scalar) uniform Push {
  Uints w;
  Floats y;
  Tables tables;
  WeightParts parts;
  uint n;
};

void main() {
  uint i = (flat_group() * 256 + gl_LocalInvocationID.x) * 8;
  if (i >= n) return;
  Raw raw = fetch_raw(Floats(w), WEIGHT, parts, i, 8);
  put4(y, TO, i, raw_numbers(raw, WEIGHT, tables, 0));
  put4(y, TO, i + 4, raw_numbers(raw, WEIGHT, tables, 1));
}
