#version 460
// embed: y[r,c] = scale·table[ids[r], c].
// Shapes: ids [R,1], table [V,C] in F32, BF16 or F16 (WEIGHT as in weights.glsl), y [R,C].
// Grid: R·⌈C/512⌉ workgroups, folded; an invocation two columns. Reads a row of the
// table and writes one of y. A row that the table does not have gives NaN.
#include "common.glsl"
#include "rows.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint C = 1;
layout(constant_id = 1) const uint WEIGHT = 0;

#include "weights.glsl"

layout(push_constant, scalar) uniform Push {
  uvec2 table;
  Ints ids;
  Floats y;
  uint R, V;
  float scale;
};

const uint PARTS = (C + 511) / 512;

float element(uvec2 row, uint c) {
  if (WEIGHT == WEIGHT_F32) return Floats(row).v[c];
  // Rows of 16 bits may begin in the middle of a word.
  uint odd = (row.x >> 1) & 1, i = c + odd;
  uint bits = (Uints(uvec2(row.x & ~3u, row.y)).v[i >> 1] >> (16 * (i & 1))) & 0xffff;
  return WEIGHT == WEIGHT_BF16 ? bfloat16(bits) : unpackHalf2x16(bits).x;
}

void main() {
  uint group = flat_group(), r = group / PARTS;
  if (r >= R) return;
  uint id = uint(ids.v[r]);
  bool known = id < V;
  uvec2 row = row_address(table, known ? id : 0, C * (WEIGHT == WEIGHT_F32 ? 4 : 2));
  uint begin = group % PARTS * 512;
  for (uint c = begin + gl_LocalInvocationID.x; c < min(begin + 512, C); c += 256) {
    y.v[r * C + c] = known ? scale * element(row, c) : uintBitsToFloat(0x7fc00000u);
  }
}
