// The activations of gated products; ACTIVATION says which.
#include "math.glsl"

layout(constant_id = 0) const uint ACTIVATION = 0;
const uint SILU = 0, GELU = 1, GELU_TANH = 2;

// activation is act(a), and slope act'(a).
float activation(float a, out float slope) {
  if (ACTIVATION == SILU) { // a·σ(a)
    float s = 1.0 / (1.0 + exp_of(-a));
    slope = s * (1.0 + a * (1.0 - s));
    return a * s;
  }
  if (ACTIVATION == GELU) { // a·Φ(a), Φ the normal distribution
    float cdf = 0.5 * (1.0 + erf_of(a * 0.707106781));
    slope = cdf + a * exp_of(-0.5 * a * a) * 0.398942280;
    return a * cdf;
  }
  const float K = 0.797884561; // √(2/π)
  float square = a * a;
  float t = tanh_of(K * (a + 0.044715 * a * square));
  slope = 0.5 * (1.0 + t) + 0.5 * a * (1.0 - t * t) * K * (1.0 + 3.0 * 0.044715 * square);
  return 0.5 * a * (1.0 + t);
}
