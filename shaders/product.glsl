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

// Four elements of a row of x[rows, cols], 0 beyond it.
vec4 four(Floats x, uint type, uint row, uint column, uint rows, uint cols) {
  if (row >= rows || column >= cols) return vec4(0);
  uint at = row * cols + column;
  if (ALIGNED) return get4(x, type, at);
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, cols - column); i++) v[i] = get(x, type, at + i);
  return v;
}

vec4 four_weights(uint row, uint column, uint rows, uint cols) {
  if (row >= rows || column >= cols) return vec4(0);
  uint at = row * cols + column;
  if (ALIGNED) return weight4(w, parts, tables, at);
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, cols - column); i++) v[i] = weight(w, parts, tables, at + i);
  return v;
}

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
    uvec2 p = place_a(i);
    if (KIND == 2) next_a[i] = four(x, X_TYPE, k0 + p.x, m0 + p.y, K, M);
    else next_a[i] = scale * four(x, X_TYPE, m0 + p.x, k0 + p.y, M, K);
    if (KIND == 0 && drop) next_a[i] = dropped(next_a[i], a_keys[i], k0 + p.y);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    uvec2 p = place_b(i);
    if (KIND == 0) next_b[i] = four_weights(n0 + p.x, k0 + p.y, N, K);
    else next_b[i] = four_weights(k0 + p.x, n0 + p.y, K, N);
    if (KIND == 2 && drop) next_b[i] = dropped(next_b[i], key_of(k0 + p.x, K), n0 + p.y);
  }
}

void fetch_rank(uint m0, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (!in_a(i)) break;
    uvec2 p = place_a(i);
    next_a[i] = four(u, U_TYPE, m0 + p.x, k0 + p.y, M, R);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    uvec2 p = place_b(i);
    if (KIND == 0) next_b[i] = four(b, F32, n0 + p.x, k0 + p.y, N, R);
    else next_b[i] = four(b, F32, k0 + p.x, n0 + p.y, R, N);
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
