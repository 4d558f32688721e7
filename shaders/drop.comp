#version 460
// drop: y = drop(x), where DROP is not set y = x; added to y where ACCUMULATE is.
// Shapes: x, y [R,C], index [R,1], n = R·C.
// Grid: n/256 workgroups, folded; an invocation an element. Reads x, writes y.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const bool DROP = false;
layout(constant_id = 1) const bool ACCUMULATE = false;
layout(push_constant, scalar) uniform Push {
  Floats x;
  Uints index;
  Floats y;
  Scalars scalars;
  uint n, C, module, threshold;
  float keep_scale;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  float v = x.v[i];
  if (DROP && scalars.training != 0) {
    v = kept(row_key(scalars, module, index.v[i / C]), i % C, threshold) ? v * keep_scale : 0.0;
  }
  y.v[i] = ACCUMULATE ? y.v[i] + v : v;
}
