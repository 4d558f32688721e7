#version 460
// attention_delta: delta = the sums of do∘o over the columns of each head, which both halves of
// attention's backward pass need.
// Shapes: o, dy (do) [n·D], delta [n], n = rows · heads.
// Grid: n/16 workgroups, folded; 16 invocations a head. Reads o and dy once.
#include "common.glsl"
#include "narrow.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint D = 64;
layout(constant_id = 1) const uint TYPES = 0; // of o and dy
layout(push_constant, scalar) uniform Push {
  Floats o, dy, delta;
  uint n;
};

shared float sums[256];

void main() {
  uint i = gl_LocalInvocationID.x, head = flat_group() * 16 + i / 16;
  float sum = 0;
  if (head < n) {
    for (uint c = i % 16; c < D; c += 16) sum += get(o, TYPE_OF(0), head * D + c) * get(dy, TYPE_OF(1), head * D + c);
  }
  sums[i] = sum;
  barrier();
  for (uint half_size = 8; half_size > 0; half_size /= 2) {
    if (i % 16 < half_size) sums[i] += sums[i + half_size];
    barrier();
  }
  if (head < n && i % 16 == 0) delta.v[head] = sums[i];
}
