#version 460
// gated: y = act(a)·b.
// Shapes: n elements.
// Grid: n/256 workgroups, folded; an invocation an element. Reads a and b, writes y.
#include "common.glsl"
#include "narrow.glsl"
#include "activation.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 1) const uint TYPES = 0; // of y
layout(push_constant, scalar) uniform Push {
  Floats a, b, y;
  uint n;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  float slope;
  put(y, TYPE_OF(0), i, activation(a.v[i], slope) * b.v[i]);
}
