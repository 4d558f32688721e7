#version 460
// peak: how many plain multiply-adds a device does at most. 32 chains an
// invocation, in registers; what comes out is written where it can never be.
// Shapes: y is one element. a and b are not known to the compiler.
// Grid: as many workgroups as take long enough, folded; each does 256·32·ROUNDS.
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Floats y;
  float a, b;
};
const uint ROUNDS = 512;

void main() {
  vec4 v[8];
  [[unroll]] for (uint i = 0; i < 8; i++) v[i] = vec4(gl_LocalInvocationID.x + i) + vec4(0, 1, 2, 3);
  for (uint round = 0; round < ROUNDS; round++) {
    [[unroll]] for (uint i = 0; i < 8; i++) v[i] = fma(v[i], vec4(a), vec4(b));
  }
  vec4 sum = vec4(0);
  [[unroll]] for (uint i = 0; i < 8; i++) sum += v[i];
  if (sum.x + sum.y + sum.z + sum.w == -1.0) y.v[0] = sum.x;
}
