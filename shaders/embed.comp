#version 460
// embed: y[r,c] = scale·table[ids[r], c].
// Shapes: ids [R,1], table [V,C] in F32, BF16 or F16 (WEIGHT as in weights.glsl), y [R,C].
// Grid: R·⌈C/512⌉ workgroups, folded; an invocation two columns. Reads a row of the
// table and writes one of y. A row that the table does not have gives NaN.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint C = 1;
layout(constant_id = 1) const uint WEIGHT = 0;

#include "weights.glsl"

layout(push_constant, scalar) uniform Push {
  Ints ids;
  Uints table;
  Floats y;
  Tables tables;
  uint R, V;
  float scale;
  WeightParts parts;
};

const uint PARTS = (C + 511) / 512;

void main() {
  uint group = flat_group(), r = group / PARTS;
  if (r >= R) return;
  uint id = uint(ids.v[r]), begin = group % PARTS * 512;
  for (uint c = begin + gl_LocalInvocationID.x; c < min(begin + 512, C); c += 256) {
    y.v[r * C + c] = id < V ? scale * weight(table, parts, tables, id * C + c) : uintBitsToFloat(0x7fc00000u);
  }
}
