#version 460
// product_matrix_bf16: the dense products on matrix units, in bfloat16.
// Shapes and grid: product_matrix.glsl.
#include "element_bf16.glsl"
#include "product_matrix.glsl"
