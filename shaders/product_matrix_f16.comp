#version 460
// product_matrix_f16: the dense products on matrix units, in float16.
// Shapes and grid: product_matrix.glsl.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define ELEMENT float16_t
#define ELEMENT4 f16vec4
#include "product_matrix.glsl"
