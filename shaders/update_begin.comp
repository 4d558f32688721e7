#version 460
// update_begin: what all parameters of an update share, from optimizer [1,4], whose steps, or
// skipped updates where the norm is not finite, it counts where COUNT is set.
// Grid: 1 workgroup, of which one invocation works.
//
// 1 − βᵗ cancels for β near 1, so that the power is taken in pairs of floats.
#include "common.glsl"
#include "math.glsl"
#include "precise.glsl"
#include "update.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const bool COUNT = true;
layout(push_constant, scalar) uniform Push {
  Floats optimizer;
  Factors factors;
  Scalars scalars;
};

// one_minus_power is 1 − base^n.
float one_minus_power(float base, uint n) {
  vec2 power = vec2(1, 0), square = vec2(base, 0);
  for (; n > 0; n >>= 1) {
    if ((n & 1) != 0) power = pair_product(power, square);
    square = pair_product(square, square);
  }
  vec2 rest = pair_sum(vec2(1, 0), -power);
  return rest.x;
}

void main() {
  if (gl_LocalInvocationID.x != 0) return;
  float norm = optimizer.v[0];
  if (!finite(norm)) {
    factors.apply = 0;
    if (COUNT) optimizer.v[2] += 1;
    return;
  }
  float steps = optimizer.v[1];
  if (COUNT) optimizer.v[1] = ++steps;
  factors.apply = 1;
  factors.clip = scalars.max_norm > 0 && norm > scalars.max_norm ? scalars.max_norm / (norm + 1e-6) * scalars.unscale : scalars.unscale;
  factors.correction1 = one_minus_power(scalars.beta1, uint(steps));
  factors.root_correction2 = sqrt(one_minus_power(scalars.beta2, uint(steps)));
}
