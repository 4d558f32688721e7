// What product.comp and product_matrix.glsl share: operands, flags, and tiles on their way from memory to registers.
// They define BM, BN, BK, KIND, WEIGHT, DROP, ALIGNED, TYPES and THREADS before.
#include "weights.glsl"

const uint X_TYPE = TYPE_OF(0), U_TYPE = TYPE_OF(1), Y_TYPE = TYPE_OF(2);

// What only the ends of a tile see is not worth a pipeline of its own.
const uint FLAG_BIAS = 1, FLAG_ADAPTER = 2, FLAG_ACCUMULATE = 4, FLAG_SPLIT = 8, FLAG_MASK = 16;

layout(push_constant, scalar) uniform Push {
  Floats x;
  Uints w;
  Floats bias, u, b;
  Uints index;
  Floats y;
  Scalars scalars;
  Tables tables;
  uint M, N, K, R;
  uint module, threshold;
  float scale, keep_scale;
  WeightParts parts;
  uint k_split, flags;
};

bool is(uint flag) { return (flags & flag) != 0; }
bool dropping() { return DROP && scalars.training != 0; }

// A tile moves in units of four elements of a row: each invocation has EACH of them.
const uint A_UNITS = BM * BK / 4;
const uint B_UNITS = BN * BK / 4;
const uint A_EACH = (A_UNITS + THREADS - 1) / THREADS;
const uint B_EACH = (B_UNITS + THREADS - 1) / THREADS;
vec4 next_a[A_EACH];
vec4 next_b[B_EACH];

// Unit i of this invocation, and whether the tile has it.
uint unit(uint i) { return i * THREADS + gl_LocalInvocationIndex; }
bool in_a(uint i) { return A_UNITS % THREADS == 0 || unit(i) < A_UNITS; }
bool in_b(uint i) { return B_UNITS % THREADS == 0 || unit(i) < B_UNITS; }

// Where unit e of a tile is in its operand: its row and first column there. Rows
// of the operand are rows of the tile, or terms, which are then wide.
uvec2 place(uint e, bool along_k, uint wide) {
  return along_k ? uvec2(e / (BK / 4), e % (BK / 4) * 4) : uvec2(e / (wide / 4), e % (wide / 4) * 4);
}
uvec2 place_a(uint i) { return place(unit(i), KIND != 2, BM); }
uvec2 place_b(uint i) { return place(unit(i), KIND == 0, BN); }

// Four elements of a row of x from a place on; size is rows and columns, and beyond them are zeros.
vec4 four(Floats x, uint type, uvec2 from, uvec2 size) {
  if (any(greaterThanEqual(from, size))) return vec4(0);
  uint at = from.x * size.y + from.y;
  if (ALIGNED) return get4(x, type, at);
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, size.y - from.y); i++) v[i] = get(x, type, at + i);
  return v;
}

vec4 four_weights(uvec2 from, uvec2 size) {
  if (any(greaterThanEqual(from, size))) return vec4(0);
  uint at = from.x * size.y + from.y;
  if (ALIGNED) return weight4(w, parts, tables, at);
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, size.y - from.y); i++) v[i] = weight(w, parts, tables, at + i);
  return v;
}

#ifdef ELEMENT4
// Plain factors, which lie in memory as the tile has them, go there as they are.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Elements { ELEMENT4 v[]; };
ELEMENT4 plain_a[A_EACH];
ELEMENT4 plain_b[B_EACH];

ELEMENT4 plain_four(Elements x, uvec2 from, uvec2 size) {
  return any(greaterThanEqual(from, size)) ? ELEMENT4(vec4(0)) : x.v[(from.x * size.y + from.y) / 4];
}
#endif

vec4 dropped(vec4 v, uint key, uint column) {
  [[unroll]] for (uint i = 0; i < 4; i++) v[i] = kept(key, column + i, threshold) ? v[i] * keep_scale : 0.0;
  return v;
}

// The key of a row's mask; rows beyond the end, which hold zeros, have any.
uint key_of(uint row, uint rows) { return row_key(scalars, module, index.v[min(row, rows - 1)]); }

// Of linear, where the rows of an invocation's units stay the same over all terms.
uint a_keys[A_EACH];

void begin_fetches(uint m0) {
  if (KIND != 0 || !dropping()) return;
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (in_a(i)) a_keys[i] = key_of(m0 + place_a(i).x, M);
  }
}

void fetch_main(uint m0, uint n0, uint k0, bool drop) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (!in_a(i)) break;
    uvec2 p = place_a(i), from = KIND == 2 ? uvec2(k0, m0) + p : uvec2(m0, k0) + p, size = KIND == 2 ? uvec2(K, M) : uvec2(M, K);
#ifdef ELEMENT4
    if (PLAIN_A) {
      plain_a[i] = plain_four(Elements(x), from, size);
      continue;
    }
#endif
    next_a[i] = four(x, X_TYPE, from, size);
    if (KIND != 2) next_a[i] *= scale;
    if (KIND == 0 && drop) next_a[i] = dropped(next_a[i], a_keys[i], from.y);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    uvec2 p = place_b(i), from = KIND == 0 ? uvec2(n0, k0) + p : uvec2(k0, n0) + p, size = KIND == 0 ? uvec2(N, K) : uvec2(K, N);
#ifdef ELEMENT4
    if (PLAIN_B) {
      plain_b[i] = plain_four(Elements(w), from, size);
      continue;
    }
#endif
    next_b[i] = four_weights(from, size);
    if (KIND == 2 && drop) next_b[i] = dropped(next_b[i], key_of(from.x, K), from.y);
  }
}

void fetch_rank(uint m0, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (in_a(i)) next_a[i] = four(u, U_TYPE, uvec2(m0, k0) + place_a(i), uvec2(M, R));
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (in_b(i)) next_b[i] = KIND == 0 ? four(b, F32, uvec2(n0, k0) + place_b(i), uvec2(N, R)) : four(b, F32, uvec2(k0, n0) + place_b(i), uvec2(R, N));
  }
}

// What FLAG_ACCUMULATE adds to. linear_grad, which has no bias, has a pointer for it.
Floats before() { return KIND == 1 ? bias : y; }

// finish does what is last to four sums, of row m from column n on, and writes them.
void finish(uint m, uint n, vec4 v, float factor) {
  if (m >= M || n >= N) return;
  bool whole = !is(FLAG_SPLIT);
  uint to = ((whole ? 0 : gl_WorkGroupID.z * M) + m) * N + n, count = min(4, N - n);
  if (whole && is(FLAG_BIAS)) {
    [[unroll]] for (uint i = 0; i < 4; i++) v[i] += bias.v[min(n + i, N - 1)];
  }
  v *= factor;
  if (ALIGNED) {
    if (whole && is(FLAG_ACCUMULATE)) v += Vec4s(before()).v[to / 4];
    put4(y, Y_TYPE, to, v);
    return;
  }
  for (uint i = 0; i < count; i++) put(y, Y_TYPE, to + i, whole && is(FLAG_ACCUMULATE) ? before().v[to + i] + v[i] : v[i]);
}
