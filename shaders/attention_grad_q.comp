#version 460
// attention_grad_q in float32, on any device.
// Shapes and grid: attention_backward_q.glsl.
const uint SETS = 1;
#include "attention.glsl"
#include "attention_backward_q.glsl"
