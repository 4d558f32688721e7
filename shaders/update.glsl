// What update_begin.comp finds out for all parameters of an update.
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Factors {
  uint apply;                          // 0: the update is skipped
  float clip;                          // what gradients are multiplied by
  float correction1, root_correction2; // 1 − β1ᵗ, √(1 − β2ᵗ)
};

// adam_step is a parameter after its decay and a step along its moments (Loshchilov and Hutter, 2019).
float adam_step(float p, float first, float second, Factors f, Scalars s, float rate_factor, float decay) {
  float rate = s.learning_rate * rate_factor;
  float denominator = sqrt(second) / f.root_correction2 + s.epsilon;
  return (1 - rate * s.weight_decay * decay) * p - rate / f.correction1 * first / denominator;
}

float first_moment(float m, float g, Scalars s) { return s.beta1 * m + (1 - s.beta1) * g; }
float second_moment(float v, float g, Scalars s) { return s.beta2 * v + (1 - s.beta2) * g * g; }
