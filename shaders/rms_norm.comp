#version 460
// rms_norm: y = x·rstd·(offset + w), rstd = 1/sqrt(mean(x²) + eps) over groups of G columns.
// Shapes: x, y [n·G], w [G], rstd [n], n = rows · groups of a row.
// Grid: n workgroups of 32 to 256, folded; a workgroup a group. Reads x once from
// memory and once from the cache, writes y.
#include "common.glsl"
#include "narrow.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint G = 1;
layout(constant_id = 2) const uint TYPES = 0; // of y
#include "reduce.glsl"

layout(push_constant, scalar) uniform Push {
  Floats x, w, y, rstd;
  uint n;
  float eps, offset;
};

void main() {
  uint g = flat_group();
  if (g >= n) return;
  float squares = 0;
  for (uint c = gl_LocalInvocationID.x; c < G; c += gl_WorkGroupSize.x) {
    float v = x.v[g * G + c];
    squares += v * v;
  }
  float s = 1.0 / sqrt(workgroup_sum(squares) / G + eps);
  if (gl_LocalInvocationID.x == 0) rstd.v[g] = s;
  for (uint c = gl_LocalInvocationID.x; c < G; c += gl_WorkGroupSize.x) {
    put(y, TYPE_OF(0), g * G + c, x.v[g * G + c] * s * (offset + w.v[c]));
  }
}
