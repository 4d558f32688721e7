#version 460
// attention_grad_q on matrix units, in float16.
// Shapes and grid: attention_backward_q.glsl.
#include "element_f16.glsl"
const uint SETS = 1;
const bool RESCALED = false;
#include "attention_matrix.glsl"
#include "attention_backward_q.glsl"
