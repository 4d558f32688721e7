#version 460
// product_sum: the end of a product that product.comp did in parts:
//   y[M,N] = adapter·(Σ over parts of part[z][M,N] + bias), added to before, each where flags (of product.comp) say so.
// Grid: M·N/256 workgroups, folded; an invocation an element, parts in their order.
#include "common.glsl"
#include "narrow.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint TYPES = 0; // of y
layout(push_constant, scalar) uniform Push {
  Floats part, bias, before, y;
  Scalars scalars;
  uint n, N, parts, flags;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  float v = part.v[i];
  for (uint z = 1; z < parts; z++) v += part.v[z * n + i];
  if ((flags & 1) != 0) v += bias.v[i % N];
  if ((flags & 2) != 0) v *= scalars.adapter;
  if ((flags & 4) != 0) v += before.v[i];
  put(y, TYPE_OF(0), i, v);
}
