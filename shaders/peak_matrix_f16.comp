#version 460
// peak_matrix_f16: the peak of the matrix units, factors in float16.
// Shapes and grid: peak_matrix.glsl.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define ELEMENT float16_t
#include "peak_matrix.glsl"
