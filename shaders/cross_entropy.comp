#version 460
// cross_entropy: logp[r] = logits[r, target] − log Σ exp(logits[r, :]), 0 where the target is −1; with
// GRADIENT logits become weight·loss_factor·(softmax − onehot), 0 where the target is −1.
// Shapes: targets, weights, logp [R,1], logits [R,V].
// Grid: R workgroups, folded; a workgroup a row. Reads the logits once, with GRADIENT
// twice, and then writes them.
#include "common.glsl"
#include "math.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const bool GRADIENT = false;
#include "reduce.glsl"

layout(push_constant, scalar) uniform Push {
  Ints targets;
  Floats weights, logits, logp;
  Scalars scalars;
  uint R, V;
};

const float NONE = -3.0e38;

void main() {
  uint r = flat_group(), at = r * V, i = gl_LocalInvocationID.x;
  if (r >= R) return;
  uint target = uint(targets.v[r]);
  if (target >= V) {
    if (i == 0) logp.v[r] = 0;
    if (GRADIENT) {
      for (uint c = i; c < V; c += 256) logits.v[at + c] = 0;
    }
    return;
  }
  // The sum so far is relative to the highest so far: the logits are read once for both.
  float highest = NONE, sum = 0;
  for (uint c = i; c < V; c += 256) {
    float v = logits.v[at + c];
    if (v > highest) {
      sum = sum * exp_of(highest - v) + 1.0;
      highest = v;
    } else {
      sum += exp_of(v - highest);
    }
  }
  float top = workgroup_max(highest);
  float lse = top + log_of(workgroup_sum(sum * exp_of(highest - top)));
  // All invocations have the row's logit before one of them replaces it.
  if (i == 0) logp.v[r] = logits.v[at + target] - lse;
  if (!GRADIENT) return;
  barrier();
  float scale = weights.v[r] * scalars.loss_factor;
  for (uint c = i; c < V; c += 256) {
    float p = exp_of(logits.v[at + c] - lse);
    logits.v[at + c] = scale * (c == target ? p - 1.0 : p);
  }
}
