#version 460
// adamw: one update of a range of parameters (Loshchilov and Hutter, 2019), as torch's AdamW:
// p *= 1 − rate·weight_decay·decay, m = β1·m + (1−β1)·g, v = β2·v + (1−β2)·g²,
// p −= rate/(1−β1ᵗ)·m / (√v/√(1−β2ᵗ) + ε), rate = learning_rate·rate_factor.
// Shapes: grads, params, m, v [n].
// Grid: n/256 workgroups, folded; an invocation an element. Reads all four, writes three.
#include "common.glsl"
#include "update.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Floats grads, params, m, v;
  Factors factors;
  Scalars scalars;
  uint n;
  float rate_factor, decay;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n || factors.apply == 0) return;
  float g = factors.clip * grads.v[i];
  float first = first_moment(m.v[i], g, scalars), second = second_moment(v.v[i], g, scalars);
  m.v[i] = first;
  v.v[i] = second;
  params.v[i] = adam_step(params.v[i], first, second, factors, scalars, rate_factor, decay);
}
