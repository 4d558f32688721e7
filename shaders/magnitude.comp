#version 460
// magnitude: y = x∘f + bias, f = offset + scalars.adapter·(m/norm − 1); added to y where ACCUMULATE is set.
// magnitude_grad uses it for dx = dy∘f.
// Shapes: x, y [R,C], m, norm, bias [C], n = R·C.
// Grid: n/256 workgroups, folded; an invocation an element. Reads x, writes y.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const bool BIAS = false;
layout(constant_id = 1) const bool ACCUMULATE = false;
layout(push_constant, scalar) uniform Push {
  Floats x, m, norm, bias, y;
  Scalars scalars;
  uint n, C;
  float offset;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  uint c = i % C;
  float v = x.v[i] * (offset + scalars.adapter * (m.v[c] / norm.v[c] - 1.0));
  if (BIAS) v += bias.v[c];
  y.v[i] = ACCUMULATE ? y.v[i] + v : v;
}
