#version 460
// attention in float32, on any device.
// Shapes and grid: attention_forward.glsl.
const uint SETS = 1;
#include "attention.glsl"
#include "attention_forward.glsl"
