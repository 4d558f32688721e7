#version 460
// gated_grad: da = dy·b·act'(a), db = dy·act(a).
// Shapes: n elements.
// Grid: n/256 workgroups, folded; an invocation an element. Reads a, b and dy, writes da and db.
#include "common.glsl"
#include "narrow.glsl"
#include "activation.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 1) const uint TYPES = 0; // of da and db
layout(push_constant, scalar) uniform Push {
  Floats a, b, dy, da, db;
  uint n;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  float slope, value = activation(a.v[i], slope), d = dy.v[i];
  put(da, TYPE_OF(0), i, d * b.v[i] * slope);
  put(db, TYPE_OF(1), i, d * value);
}
