#version 460
// rms_norm_grad: dx = rstd·(g − x̂·mean(g·x̂)), g = dy·(offset + w), x̂ = x·rstd over groups of
// G columns; added to dx where ACCUMULATE is set.
// Shapes: x, dy, dx [n·G], w [G], rstd [n], n = rows · groups of a row.
// Grid: n workgroups of 32 to 256, folded; a workgroup a group. Reads x and dy once
// from memory and once from the cache, writes dx.
#include "common.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint G = 1;
layout(constant_id = 2) const bool ACCUMULATE = false;
#include "reduce.glsl"

layout(push_constant, scalar) uniform Push {
  Floats x, w, rstd, dy, dx;
  uint n;
  float offset;
};

void main() {
  uint group = flat_group();
  if (group >= n) return;
  float s = rstd.v[group], sum = 0;
  for (uint c = gl_LocalInvocationID.x; c < G; c += gl_WorkGroupSize.x) {
    uint i = group * G + c;
    sum += dy.v[i] * (offset + w.v[c]) * (x.v[i] * s);
  }
  float mean = workgroup_sum(sum) / G;
  for (uint c = gl_LocalInvocationID.x; c < G; c += gl_WorkGroupSize.x) {
    uint i = group * G + c;
    float v = s * (dy.v[i] * (offset + w.v[c]) - x.v[i] * s * mean);
    dx.v[i] = ACCUMULATE ? dx.v[i] + v : v;
  }
}
