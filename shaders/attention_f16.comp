#version 460
// attention on matrix units, in float16.
// Shapes and grid: attention_forward.glsl.
#include "element_f16.glsl"
const uint SETS = 1;
const bool RESCALED = true;
#include "attention_matrix.glsl"
#include "attention_forward.glsl"
