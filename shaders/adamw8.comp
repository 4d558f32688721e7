#version 460
// adamw8: adamw with moments of 8 bits (Dettmers et al., 2022), in blocks of 256 elements of a range: a moment is
// table[code]·scale; the update has the new moments before they are rounded to the nearest
// code, of two the lower, of moment/scale, scale being the block's largest magnitude.
// Shapes: grads, params [n], signed_codes, unsigned_codes [256], m, v [n/4] words of four codes, the first in
// the low byte, scales [2, blocks] from the range's first block on.
// Grid: n/256 workgroups, folded; a workgroup a block, an invocation an element. Reads and
// writes params and 2 bytes of moments an element, reads the gradients.
#include "common.glsl"
#include "update.glsl"

layout(local_size_x = 256) in;
#include "reduce.glsl"

layout(push_constant, scalar) uniform Push {
  Floats grads, signed_codes, unsigned_codes, params;
  Uints m, v;
  Floats scales;
  Factors factors;
  Scalars scalars;
  uint n, blocks;
  float rate_factor, decay;
};

shared float values[2][256];
shared uint codes[256];

// nearest is the code of x among the values of a table, which rise.
uint nearest(uint which, float x) {
  uint c = 0;
  for (uint step = 128; step > 0; step /= 2) {
    if (values[which][c + step - 1] < x) c += step;
  }
  // c is the first code at or above x, or the last.
  return c > 0 && x - values[which][c - 1] <= values[which][c] - x ? c - 1 : c;
}

uint code(Uints words, uint i) { return (words.v[i / 4] >> (8 * (i % 4))) & 255; }

// store replaces a block's codes of one moment, and its scale.
void store(Uints words, uint which, uint block, float moment, bool inside, uint before) {
  float scale = workgroup_max(inside ? abs(moment) : 0.0);
  uint e = gl_LocalInvocationID.x;
  codes[e] = inside ? nearest(which, scale > 0 ? moment / scale : moment) : before;
  barrier();
  if (e % 4 == 0 && block * 256 + e < n) {
    words.v[block * 64 + e / 4] = codes[e] | codes[e + 1] << 8 | codes[e + 2] << 16 | codes[e + 3] << 24;
  }
  if (e == 0) scales.v[which * blocks + block] = scale;
  barrier();
}

void main() {
  uint block = flat_group(), e = gl_LocalInvocationID.x, i = block * 256 + e;
  if (block * 256 >= n || factors.apply == 0) return;
  values[0][e] = signed_codes.v[e];
  values[1][e] = unsigned_codes.v[e];
  // A word may have codes beyond the range's end, which stay.
  bool inside = i < n, word_inside = i / 4 * 4 < n;
  uint first_code = word_inside ? code(m, i) : 0, second_code = word_inside ? code(v, i) : 0;
  float g = inside ? factors.clip * grads.v[i] : 0;
  barrier();
  float first = first_moment(values[0][first_code] * scales.v[block], g, scalars);
  float second = second_moment(values[1][second_code] * scales.v[blocks + block], g, scalars);
  if (inside) params.v[i] = adam_step(params.v[i], first, second, factors, scalars, rate_factor, decay);
  barrier();
  store(m, 0, block, first, inside, first_code);
  store(v, 1, block, second, inside, second_code);
}
