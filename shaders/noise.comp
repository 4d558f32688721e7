#version 460
// noise: y += scale/√(L·C)·u in training, L = last − first + 1 the length of the row's document and u from −1 to 1
// by the hash of (MODULE, index, column), as core/program/dropout.go defines it.
// Shapes: first, last, index [R,1], y [R,C], n = R·C.
// Grid: n/256 workgroups, folded; an invocation an element. Reads and writes y.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
  Ints first, last;
  Uints index;
  Floats y;
  Scalars scalars;
  uint n, C;
  float scale;
};

const uint MODULE = 0xffffffffu;

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n || scalars.training == 0) return;
  uint r = i / C, c = i % C;
  uint hash = mix_bits(row_key(scalars, MODULE, index.v[r]) ^ mix_bits(c + 0x9e3779b9u));
  float u = float(int(hash >> 9) * 2 + 1 - (1 << 24)) / float(1 << 24);
  y.v[i] += scale / sqrt(float(last.v[r] - first.v[r] + 1) * float(C)) * u;
}
