#version 460
// peak_matrix_bf16: the peak of the matrix units, factors in bfloat16.
// Shapes and grid: peak_matrix.glsl.
#extension GL_EXT_bfloat16 : require
#define ELEMENT bfloat16_t
#include "peak_matrix.glsl"
