#version 460
// weight_norm: norm[o] = ‖w[o, :] + scale·b[o, :]·a‖ (Liu et al., 2024), w of any type.
// Shapes: w [O,I], a [K,I], b [O,K], norm [O].
// Grid: O/ROWS workgroups, folded; a workgroup does ROWS rows, an invocation every 256th column
// of all of them, so that a is read once for ROWS rows. Reads w once, a from the cache.
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint K = 16;
layout(constant_id = 1) const uint ROWS = 8;
layout(constant_id = 2) const uint WEIGHT = 0;
#include "reduce.glsl"
#include "weights.glsl"

layout(push_constant, scalar) uniform Push {
  Uints w;
  Floats a, b, norm;
  Tables tables;
  uint O, I;
  float scale;
  WeightParts parts;
};

shared float factors[ROWS * K]; // of b, as [k][row]

void main() {
  uint o = flat_group() * ROWS;
  if (o >= O) return;
  for (uint e = gl_LocalInvocationID.x; e < ROWS * K; e += 256) {
    uint row = e % ROWS;
    factors[e] = o + row < O ? scale * b.v[(o + row) * K + e / ROWS] : 0.0;
  }
  barrier();
  float squares[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++) squares[r] = 0;
  for (uint i = gl_LocalInvocationID.x; i < I; i += 256) {
    float change[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; r++) change[r] = 0;
    for (uint k = 0; k < K; k++) {
      float v = a.v[k * I + i];
      [[unroll]] for (uint r = 0; r < ROWS; r++) change[r] += factors[k * ROWS + r] * v;
    }
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      if (o + r >= O) continue;
      float v = weight(w, parts, tables, (o + r) * I + i) + change[r];
      squares[r] += v * v;
    }
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    float sum = workgroup_sum(squares[r]);
    if (gl_LocalInvocationID.x == 0 && o + r < O) norm.v[o + r] = sqrt(sum);
  }
}
