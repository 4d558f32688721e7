// How many multiply-adds a device's matrix units do at most, factors of ELEMENT and
// sums in float32. 8 sums a subgroup, of 2 × 4 factors, in registers; what
// comes out is written where it can never be.
// Shapes: y is one element. a and b are not known to the compiler.
// Grid: as many workgroups as take long enough, folded; a subgroup does
// 8·MM·MN·MK·ROUNDS multiply-adds.
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#include "common.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint MM = 16;
layout(constant_id = 2) const uint MN = 16;
layout(constant_id = 3) const uint MK = 16;
layout(push_constant, scalar) uniform Push {
  Floats y;
  float a, b;
};
const uint ROUNDS = 512;

void main() {
  coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> left[2];
  coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> right[4];
  coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> sums[8];
  [[unroll]] for (uint i = 0; i < 2; i++) left[i] = coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA>(ELEMENT(a));
  [[unroll]] for (uint i = 0; i < 4; i++) right[i] = coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB>(ELEMENT(b));
  // Elements of one value could be multiplied once for all, and take less power.
  [[unroll]] for (uint i = 0; i < 2; i++) {
    for (uint e = 0; e < left[i].length(); e++) left[i][e] = ELEMENT(a * float(gl_LocalInvocationID.x % 13 + 2 * e + 3 * i));
  }
  [[unroll]] for (uint i = 0; i < 4; i++) {
    for (uint e = 0; e < right[i].length(); e++) right[i][e] = ELEMENT(b * float(gl_LocalInvocationID.x % 11 + 3 * e + 5 * i));
  }
  [[unroll]] for (uint i = 0; i < 8; i++) sums[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(float(i));
  for (uint round = 0; round < ROUNDS; round++) {
    [[unroll]] for (uint i = 0; i < 8; i++) sums[i] = coopMatMulAdd(left[i / 4], right[i % 4], sums[i]);
  }
  float sum = 0;
  [[unroll]] for (uint i = 0; i < 8; i++) {
    for (uint e = 0; e < sums[i].length(); e++) sum += sums[i][e];
  }
  if (sum == -1.0) y.v[0] = sum;
}
