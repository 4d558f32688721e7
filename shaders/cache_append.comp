#version 460
// cache_append: cache[scalars.past + r, c] = x[r, c] for r < scalars.tokens.
// Shapes: x [R,C], cache [N,C].
// Grid: R·C/256 workgroups, folded; an invocation an element. Reads x, writes the cache.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Floats x, cache;
  Scalars scalars;
  uint R, C, N;
};

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  uint r = i / C, to = scalars.past + r;
  if (r < min(R, scalars.tokens) && to < N) cache.v[to * C + i % C] = x.v[i];
}
