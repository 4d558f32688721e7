#version 460
// zero: x = 0.
// Shapes: x is n words of 32 bits.
// Grid: n/256 workgroups, folded; an invocation a word.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Uints x;
  uint n;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i < n) x.v[i] = 0;
}
