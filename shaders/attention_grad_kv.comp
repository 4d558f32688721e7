#version 460
// attention_grad_kv in float32, on any device.
// Shapes and grid: attention_backward_kv.glsl.
const uint SETS = 2;
#include "attention.glsl"
#include "attention_backward_kv.glsl"
