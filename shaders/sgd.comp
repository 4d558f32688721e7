#version 460
// sgd: one update of a range of parameters as torch's SGD: g += weight_decay·decay·p, m = β1·m + g,
// p −= learning_rate·rate_factor·m.
// Shapes: grads, params, m [n].
// Grid: n/256 workgroups, folded; an invocation an element. Reads all three, writes two.
#include "common.glsl"
#include "update.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Floats grads, params, m;
  Factors factors;
  Scalars scalars;
  uint n;
  float rate_factor, decay;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n || factors.apply == 0) return;
  float g = factors.clip * grads.v[i] + scalars.weight_decay * decay * params.v[i];
  float momentum = scalars.beta1 * m.v[i] + g;
  m.v[i] = momentum;
  params.v[i] -= scalars.learning_rate * rate_factor * momentum;
}
