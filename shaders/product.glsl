// What product.comp and product_matrix.glsl share: operands, flags, and tiles on their way from memory to registers.
// They define BM, BN, BK, UNIT, KIND, WEIGHT, DROP, ALIGNED, WHOLE, TYPES and THREADS before, and put_tiles and multiply after.
#include "weights.glsl"

const uint X_TYPE = TYPE_OF(0), U_TYPE = TYPE_OF(1), Y_TYPE = TYPE_OF(2);
// Bits of ALIGNED: columns and address of the operand are multiples of UNIT elements, of y of 4.
const uint ALIGNED_X = 1, ALIGNED_W = 2, ALIGNED_U = 4, ALIGNED_B = 8, ALIGNED_Y = 16;

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

// A factor of the product, x and w of the main one or u and b of the rank's: rows of `across` results with
// their terms or, where it is not along_k, of terms. Of whole ones the terms are a multiple of BK.
struct Factor {
  uint role;
  Floats m;
  uint type;
  bool aligned, along_k, whole;
  uint across, terms;
};

const uint IS_X = 0, IS_W = 1, IS_U = 2, IS_B = 3;
const bool A_ALONG = KIND != 2, B_ALONG = KIND == 0;
Factor x_factor() { return Factor(IS_X, x, X_TYPE, (ALIGNED & ALIGNED_X) != 0, A_ALONG, WHOLE, M, K); }
Factor w_factor() { return Factor(IS_W, Floats(w), WEIGHT, (ALIGNED & ALIGNED_W) != 0, B_ALONG, WHOLE, N, K); }
Factor u_factor() { return Factor(IS_U, u, U_TYPE, (ALIGNED & ALIGNED_U) != 0, A_ALONG, false, M, R); }
Factor b_factor() { return Factor(IS_B, b, F32, (ALIGNED & ALIGNED_B) != 0, B_ALONG, false, N, R); }

// A tile moves in units of UNIT elements of a row: each invocation has EACH of them. They are
// fetched as they lie in memory, since to compute with them is to wait for them.
const uint A_UNITS = BM * BK / UNIT;
const uint B_UNITS = BN * BK / UNIT;
const uint A_EACH = (A_UNITS + THREADS - 1) / THREADS;
const uint B_EACH = (B_UNITS + THREADS - 1) / THREADS;
Raw next_a[A_EACH];
Raw next_b[B_EACH];
// Where their first elements are for term 0.
uint a_origin[A_EACH];
uint b_origin[B_EACH];
// Dropout's: the row's key of units of x, the token's index of those of w.
uint a_keys[A_EACH];
uint b_index[B_EACH];

// Unit i of this invocation, and whether the tile has it.
uint unit(uint i) { return i * THREADS + gl_LocalInvocationIndex; }
bool in_a(uint i) { return A_UNITS % THREADS == 0 || unit(i) < A_UNITS; }
bool in_b(uint i) { return B_UNITS % THREADS == 0 || unit(i) < B_UNITS; }

// Where unit e of a tile is in it: row and first column in the factor's own order.
uvec2 place(uint e, bool along_k, uint wide) {
  uint units = (along_k ? BK : wide) / UNIT;
  return uvec2(e / units, e % units * UNIT);
}
uvec2 place_a(uint i) { return place(unit(i), A_ALONG, BM); }
uvec2 place_b(uint i) { return place(unit(i), B_ALONG, BN); }

// The element of a factor at which the unit at place p of the tile from `first` across on begins, for term 0. One beyond the
// end across is taken back inside, without a branch: nobody stores what comes of it.
uint origin(Factor f, uvec2 p, uint first) {
  if (f.along_k) return min(first + p.x, f.across - 1) * f.terms + p.y;
  return p.x * f.across + (f.aligned ? min(first + p.y, f.across - UNIT) : first + p.y);
}

uint term(Factor f, uvec2 p, uint k0) { return k0 + (f.along_k ? p.y : p.x); }
bool inside(Factor f, uvec2 p, uint k0) { return f.whole || term(f, p, k0) < f.terms; }

float element(Factor f, uint at) { return f.role == IS_W ? weight(w, parts, tables, at) : get(f.m, f.type, at); }

// The unit from `at` on of a factor without alignment, of which `columns` are there.
Raw single(Factor f, uint at, uint columns) {
  vec4 low = vec4(0), high = vec4(0);
  for (uint i = 0; i < min(UNIT, columns); i++) {
    if (i < 4) low[i] = element(f, at + i);
    else high[i - 4] = element(f, at + i);
  }
  return Raw(floatBitsToUint(low), floatBitsToUint(high));
}

Raw fetch(Factor f, uint origin, uvec2 p, uint first, uint k0) {
  uint at = origin + k0 * (f.along_k ? 1 : f.across);
  if (f.aligned) return fetch_raw(f.m, f.type, parts, inside(f, p, k0) ? at : 0, UNIT);
  uint column = (f.along_k ? k0 : first) + p.y, columns = f.along_k ? f.terms : f.across;
  return single(f, at, inside(f, p, k0) && column < columns ? columns - column : 0);
}

// Numbers 4·part … of a unit of the terms from k0 on; those beyond the end are 0.
vec4 numbers(Factor f, Raw raw, uint part, uvec2 p, uint k0) {
  vec4 v = raw_numbers(raw, f.aligned ? f.type : F32, tables, part);
  return inside(f, p, k0) ? v : vec4(0);
}

vec4 dropped(vec4 v, uint key, uint column) {
  [[unroll]] for (uint i = 0; i < 4; i++) v[i] = kept(key, column + i, threshold) ? v[i] * keep_scale : 0.0;
  return v;
}

// The key of a row's mask; rows beyond the end have any.
uint key_of(uint row, uint rows) { return row_key(scalars, module, index.v[min(row, rows - 1)]); }

// Whether a mask is put on x, or on w: with KIND 1 it is on the result.
bool drop_x, drop_w;

// begin goes before the first fetch of a tile of both factors.
void begin(Factor a, Factor b, uint m0, uint n0) {
  drop_x = a.role == IS_X && KIND == 0 && dropping();
  drop_w = b.role == IS_W && KIND == 2 && dropping();
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    a_origin[i] = origin(a, place_a(i), m0);
    if (drop_x) a_keys[i] = key_of(m0 + place_a(i).x, M);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) b_origin[i] = origin(b, place_b(i), n0);
}

// fetch_tiles fetches the terms from k0 on.
void fetch_tiles(Factor a, Factor b, uint m0, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (in_a(i)) next_a[i] = fetch(a, a_origin[i], place_a(i), m0, k0);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    next_b[i] = fetch(b, b_origin[i], place_b(i), n0, k0);
    if (drop_w) b_index[i] = index.v[min(k0 + place_b(i).x, K - 1)];
  }
}

// What was fetched of both, as it is multiplied.
vec4 a_numbers(Factor f, uint i, uint part, uint k0) {
  uvec2 p = place_a(i);
  vec4 v = numbers(f, next_a[i], part, p, k0);
  if (f.role == IS_X && KIND != 2) v *= scale;
  return drop_x ? dropped(v, a_keys[i], k0 + p.y + 4 * part) : v;
}

vec4 b_numbers(Factor f, uint i, uint part, uint n0, uint k0) {
  uvec2 p = place_b(i);
  vec4 v = numbers(f, next_b[i], part, p, k0);
  return drop_w ? dropped(v, row_key(scalars, module, b_index[i]), n0 + p.y + 4 * part) : v;
}

// put_tiles puts what was fetched of the terms from k0 on in shared memory; multiply adds the product of both tiles to
// the sums of this invocation's or subgroup's place in the workgroup's.
void put_tiles(Factor a, Factor b, uint n0, uint k0);
void multiply(uint row, uint column);

// sum adds the product of two factors over the terms from `first` to `end`.
void sum(Factor a, Factor b, uint m0, uint n0, uint first, uint end, uint row, uint column) {
  if (first >= end) return;
  begin(a, b, m0, n0);
  fetch_tiles(a, b, m0, n0, first);
  for (uint k0 = first; k0 < end; k0 += BK) {
    put_tiles(a, b, n0, k0);
    barrier();
    if (k0 + BK < end) fetch_tiles(a, b, m0, n0, k0 + BK);
    multiply(row, column);
    barrier();
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
  if ((ALIGNED & ALIGNED_Y) != 0) {
    if (whole && is(FLAG_ACCUMULATE)) v += Vec4s(before()).v[to / 4];
    put4(y, Y_TYPE, to, v);
    return;
  }
  for (uint i = 0; i < count; i++) put(y, Y_TYPE, to + i, whole && is(FLAG_ACCUMULATE) ? before().v[to + i] + v[i] : v[i]);
}
