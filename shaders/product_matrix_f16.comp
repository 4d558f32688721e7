#version 460
// product_matrix_f16: the dense products on matrix units, in float16.
// Shapes and grid: product_matrix.glsl.
#include "element_f16.glsl"
#include "product_matrix.glsl"
