#version 460
// add: y = a + b. y may be a.
// Shapes: a, b, y are n elements.
// Grid: n/256 workgroups, folded; an invocation an element.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Floats a, b, y;
  uint n;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i < n) y.v[i] = a.v[i] + b.v[i];
}
