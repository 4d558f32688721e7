#version 460
// embed_grad: dtable[ids[r], c] += scale·dy[r, c], the rows of each id in the order that
// `order` has them: sorted by id, so that one workgroup has all rows of an id.
// Shapes: ids, order [R,1], dy [R,C], dtable [V,C].
// Grid: R·⌈C/256⌉ workgroups, folded; an invocation a column. Only the workgroups
// at the first row of an id work. Reads dy once, reads and writes the rows of the ids.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint C = 1;

layout(push_constant, scalar) uniform Push {
  Ints ids, order;
  Floats dy, dtable;
  uint R, V;
  float scale;
};

const uint PARTS = (C + 255) / 256;

// The row of a place in order, R beyond its end or for a row that is not there.
uint row_at(uint n) { return n < R ? min(uint(order.v[n]), R) : R; }

void main() {
  uint group = flat_group(), first = group / PARTS;
  uint c = group % PARTS * 256 + gl_LocalInvocationID.x;
  uint r = row_at(first);
  if (r >= R || c >= C) return;
  uint id = uint(ids.v[r]);
  if (id >= V) return;
  if (first > 0) {
    uint before = row_at(first - 1);
    if (before < R && uint(ids.v[before]) == id) return;
  }
  float sum = 0;
  for (uint n = first; r < R && uint(ids.v[r]) == id; r = row_at(++n)) sum += dy.v[r * C + c];
  dtable.v[id * C + c] += scale * sum;
}
