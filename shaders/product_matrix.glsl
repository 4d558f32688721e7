// The dense products on matrix units (VK_KHR_cooperative_matrix), factors rounded
// to ELEMENT, sums in float32. Weights are F32, BF16 or F16: those in blocks go
// through dequantise.comp first. With FLAG_MASK, drop' is put on what is stored: the
// rank's part of linear_grad is then a dispatch of its own, with K = 0. KIND, operands, flags and SPLIT are those of
// product.comp, whose comment has the formulas.
//
// Grid: N/BN × M/BM × parts. A workgroup of WM × WN subgroups does a tile of
// BM × BN, BK terms at a time: the next ones are fetched to registers while
// those in shared memory are multiplied. A subgroup does BM/WM × BN/WN of it as
// fragments of MM × MN, the device's shape.
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"

layout(local_size_x_id = 0) in; // WM · WN subgroups
layout(constant_id = 1) const uint BM = 128;
layout(constant_id = 2) const uint BN = 128;
layout(constant_id = 3) const uint WM = 4;
layout(constant_id = 4) const uint WN = 2;
layout(constant_id = 5) const uint KIND = 0;
layout(constant_id = 6) const uint WEIGHT = 0;
layout(constant_id = 7) const bool DROP = false;
// The device's shape of matrices.
layout(constant_id = 8) const uint MM = 16;
layout(constant_id = 9) const uint MN = 16;
layout(constant_id = 10) const uint MK = 16;
// Columns and addresses of all operands are multiples of 4 elements.
layout(constant_id = 11) const bool ALIGNED = false;
layout(constant_id = 12) const uint SUBGROUP = 32;
const uint BK = 32;

#include "weights.glsl"

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

// Tiles in units of four elements, in the operand's own order: rows of k where
// its columns are k, else rows across. Two units more keep banks apart.
const uint A_ROW = (KIND == 2 ? BM : BK) / 4 + 2;
const uint B_ROW = (KIND == 0 ? BK : BN) / 4 + 2;
shared ELEMENT4 a_tile[(KIND == 2 ? BK : BM) * A_ROW];
shared ELEMENT4 b_tile[(KIND == 0 ? BN : BK) * B_ROW];
// A fragment of sums for each subgroup.
shared float fragment[WM * WN * MM * MN];

const uint FM = BM / WM / MM;
const uint FN = BN / WN / MN;
coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc[FM * FN];

const uint THREADS = WM * WN * SUBGROUP;
const uint A_UNITS = BM * BK / 4;
const uint B_UNITS = BN * BK / 4;
const uint A_EACH = (A_UNITS + THREADS - 1) / THREADS;
const uint B_EACH = (B_UNITS + THREADS - 1) / THREADS;
vec4 next_a[A_EACH];
vec4 next_b[B_EACH];

// Four elements of a row of x[rows, cols], 0 beyond it.
vec4 four(Floats x, uint row, uint column, uint rows, uint cols) {
  if (row >= rows || column >= cols) return vec4(0);
  uint at = row * cols + column;
  if (ALIGNED) return Vec4s(x).v[at / 4];
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, cols - column); i++) v[i] = x.v[at + i];
  return v;
}

vec4 four_weights(uint row, uint column, uint rows, uint cols) {
  if (row >= rows || column >= cols) return vec4(0);
  uint at = row * cols + column;
  if (ALIGNED) return weight4(w, at);
  vec4 v = vec4(0);
  for (uint i = 0; i < min(4, cols - column); i++) v[i] = weight(w, parts, tables, at + i);
  return v;
}

vec4 dropped(vec4 v, uint row, uint rows, uint column) {
  if (row >= rows) return v;
  uint key = row_key(scalars, module, index.v[row]);
  [[unroll]] for (uint i = 0; i < 4; i++) v[i] = kept(key, column + i, threshold) ? v[i] * keep_scale : 0.0;
  return v;
}

// Where unit e of a tile is in its operand: its row and first column there.
uvec2 place(uint e, bool rows_of_k, uint wide) {
  return rows_of_k ? uvec2(e / (BK / 4), e % (BK / 4) * 4) : uvec2(e / (wide / 4), e % (wide / 4) * 4);
}

void fetch_main(uint m0, uint n0, uint k0, bool drop) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (A_UNITS % THREADS != 0 && e >= A_UNITS) break;
    uvec2 p = place(e, KIND != 2, BM);
    if (KIND == 2) next_a[i] = four(x, k0 + p.x, m0 + p.y, K, M);
    else next_a[i] = scale * four(x, m0 + p.x, k0 + p.y, M, K);
    if (KIND == 0 && drop) next_a[i] = dropped(next_a[i], m0 + p.x, M, k0 + p.y);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (B_UNITS % THREADS != 0 && e >= B_UNITS) break;
    uvec2 p = place(e, KIND == 0, BN);
    if (KIND == 0) next_b[i] = four_weights(n0 + p.x, k0 + p.y, N, K);
    else next_b[i] = four_weights(k0 + p.x, n0 + p.y, K, N);
    if (KIND == 2 && drop) next_b[i] = dropped(next_b[i], k0 + p.x, K, n0 + p.y);
  }
}

void fetch_rank(uint m0, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (A_UNITS % THREADS != 0 && e >= A_UNITS) break;
    uvec2 p = place(e, true, BM);
    next_a[i] = four(u, m0 + p.x, k0 + p.y, M, R);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (B_UNITS % THREADS != 0 && e >= B_UNITS) break;
    uvec2 p = place(e, KIND == 0, BN);
    if (KIND == 0) next_b[i] = four(b, n0 + p.x, k0 + p.y, N, R);
    else next_b[i] = four(b, k0 + p.x, n0 + p.y, R, N);
  }
}

void put_tiles() {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (A_UNITS % THREADS != 0 && e >= A_UNITS) break;
    uvec2 p = place(e, KIND != 2, BM);
    a_tile[p.x * A_ROW + p.y / 4] = ELEMENT4(next_a[i]);
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    uint e = i * THREADS + gl_LocalInvocationIndex;
    if (B_UNITS % THREADS != 0 && e >= B_UNITS) break;
    uvec2 p = place(e, KIND == 0, BN);
    b_tile[p.x * B_ROW + p.y / 4] = ELEMENT4(next_b[i]);
  }
}

// multiply adds the product of both tiles to this subgroup's fragments.
void multiply(uint wm, uint wn) {
  [[unroll]] for (uint k = 0; k < BK; k += MK) {
    coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> left[FM];
    [[unroll]] for (uint i = 0; i < FM; i++) {
      uint m = wm * (BM / WM) + i * MM;
      if (KIND == 2) coopMatLoad(left[i], a_tile, k * A_ROW + m / 4, A_ROW, gl_CooperativeMatrixLayoutColumnMajor);
      else coopMatLoad(left[i], a_tile, m * A_ROW + k / 4, A_ROW, gl_CooperativeMatrixLayoutRowMajor);
    }
    [[unroll]] for (uint j = 0; j < FN; j++) {
      uint n = wn * (BN / WN) + j * MN;
      coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> right;
      if (KIND == 0) coopMatLoad(right, b_tile, n * B_ROW + k / 4, B_ROW, gl_CooperativeMatrixLayoutColumnMajor);
      else coopMatLoad(right, b_tile, k * B_ROW + n / 4, B_ROW, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint i = 0; i < FM; i++) acc[i * FN + j] = coopMatMulAdd(left[i], right, acc[i * FN + j]);
    }
  }
}

void store(uint m0, uint n0, uint wm, uint wn) {
  bool mask = is(FLAG_MASK) && dropping();
  float factor = is(FLAG_ADAPTER) && !is(FLAG_SPLIT) ? scalars.adapter : 1.0;
  if (KIND == 1 && mask) factor *= keep_scale;
  uint part = is(FLAG_SPLIT) ? gl_WorkGroupID.z * M : 0;
  uint at = gl_SubgroupID * MM * MN;
  [[unroll]] for (uint i = 0; i < FM; i++) {
    [[unroll]] for (uint j = 0; j < FN; j++) {
      barrier();
      coopMatStore(acc[i * FN + j], fragment, at, MN, gl_CooperativeMatrixLayoutRowMajor);
      barrier();
      // Each invocation of the subgroup has some of the fragment's elements.
      for (uint e = gl_SubgroupInvocationID; e < MM * MN; e += SUBGROUP) {
        uint m = m0 + wm * (BM / WM) + i * MM + e / MN;
        uint n = n0 + wn * (BN / WN) + j * MN + e % MN;
        if (m >= M || n >= N) continue;
        float v = fragment[at + e];
        if (KIND == 1 && mask && !kept(row_key(scalars, module, index.v[m]), n, threshold)) v = 0.0;
        uint to = (part + m) * N + n;
        if (is(FLAG_BIAS) && !is(FLAG_SPLIT)) v += bias.v[n];
        v *= factor;
        if (is(FLAG_ACCUMULATE) && !is(FLAG_SPLIT)) v += y.v[to];
        y.v[to] = v;
      }
    }
  }
}

void main() {
  uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  uint wm = gl_SubgroupID / WN, wn = gl_SubgroupID % WN;
  [[unroll]] for (uint i = 0; i < FM * FN; i++) acc[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(0.0);
  uint begin = is(FLAG_SPLIT) ? gl_WorkGroupID.z * k_split : 0;
  uint end = is(FLAG_SPLIT) ? min(begin + k_split, K) : K;
  if (R > 0 && begin == 0) {
    for (uint k0 = 0; k0 < R; k0 += BK) {
      fetch_rank(m0, n0, k0);
      put_tiles();
      barrier();
      multiply(wm, wn);
      barrier();
    }
  }
  bool drop = dropping();
  fetch_main(m0, n0, begin, drop);
  for (uint k0 = begin; k0 < end; k0 += BK) {
    put_tiles();
    barrier();
    if (k0 + BK < end) fetch_main(m0, n0, k0 + BK, drop);
    multiply(wm, wn);
    barrier();
  }
  store(m0, n0, wm, wn);
}
