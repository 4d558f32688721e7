#version 460
// attention_grad_kv on matrix units, in bfloat16.
// Shapes and grid: attention_backward_kv.glsl.
#include "element_bf16.glsl"
const uint SETS = 2;
const bool RESCALED = false;
#include "attention_matrix.glsl"
#include "attention_backward_kv.glsl"
