#version 460
// copy: y = x, bit for bit.
// Shapes: x, y are n words of 32 bits.
// Grid: n/256 workgroups, folded; an invocation a word.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Uints x, y;
  uint n;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i < n) y.v[i] = x.v[i];
}
