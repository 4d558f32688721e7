// What adamw_begin.comp finds out for adamw.comp.
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Factors {
  uint apply;                          // 0: the update is skipped
  float clip;                          // of gradients
  float correction1, root_correction2; // 1 − β1ᵗ, √(1 − β2ᵗ)
};
