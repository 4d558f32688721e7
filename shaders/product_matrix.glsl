// The dense products on matrix units (VK_KHR_cooperative_matrix), factors rounded
// to ELEMENT, sums in float32. Weights of any type; of those in blocks that several rows of tiles
// would decode each, dequantise.comp makes 16 bits first. With FLAG_MASK, drop' is put on what is
// stored: the rank's part of linear_grad is then a dispatch of its own, with K = 0. KIND,
// operands, flags and SPLIT are those of product.comp, whose comment has the formulas.
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
layout(constant_id = 11) const uint ALIGNED = 0; // of operands: product.glsl
layout(constant_id = 12) const bool WHOLE = false; // K is a multiple of BK
layout(constant_id = 13) const uint SUBGROUP = 32;
// Of x, u and y.
layout(constant_id = 14) const uint TYPES = 0;
// x and w lie in memory as they are multiplied: aligned ELEMENTs that are neither scaled nor dropped.
layout(constant_id = 15) const bool PLAIN_X = false;
layout(constant_id = 16) const bool PLAIN_W = false;
const uint BK = 32;
const uint UNIT = 8;

const uint THREADS = WM * WN * SUBGROUP;

#include "product.glsl"

// Tiles in units of ELEMENTs, in the factor's own order. A unit more than a row needs keeps banks apart.
const uint A_ROW = (A_ALONG ? BK : BM) / UNIT + 1;
const uint B_ROW = (B_ALONG ? BK : BN) / UNIT + 1;
shared uvec4 a_tile[(A_ALONG ? BM : BK) * A_ROW];
shared uvec4 b_tile[(B_ALONG ? BN : BK) * B_ROW];
// A fragment of sums for each subgroup.
shared vec4 fragment[WM * WN * MM * MN / 4];

const uint FM = BM / WM / MM;
const uint FN = BN / WN / MN;
coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc[FM * FN];

// plain_unit is a unit that is multiplied as it lies in memory; terms beyond the end are 0.
uvec4 plain_unit(Factor f, Raw raw, uvec2 p, uint k0) { return inside(f, p, k0) ? raw.low : uvec4(0); }

void put_tiles(Factor a, Factor b, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (!in_a(i)) break;
    uvec2 p = place_a(i);
    a_tile[p.x * A_ROW + p.y / UNIT] = PLAIN_X && a.role == IS_X ? plain_unit(a, next_a[i], p, k0)
                                                                 : uvec4(pack4(a_numbers(a, i, 0, k0)), pack4(a_numbers(a, i, 1, k0)));
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    uvec2 p = place_b(i);
    b_tile[p.x * B_ROW + p.y / UNIT] = PLAIN_W && b.role == IS_W ? plain_unit(b, next_b[i], p, k0)
                                                                 : uvec4(pack4(b_numbers(b, i, 0, n0, k0)), pack4(b_numbers(b, i, 1, n0, k0)));
  }
}

// multiply adds the product of both tiles to this subgroup's fragments.
void multiply(uint wm, uint wn) {
  [[unroll]] for (uint k = 0; k < BK; k += MK) {
    coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> left[FM];
    [[unroll]] for (uint i = 0; i < FM; i++) {
      uint m = wm * (BM / WM) + i * MM;
      if (A_ALONG) coopMatLoad(left[i], a_tile, m * A_ROW + k / UNIT, A_ROW, gl_CooperativeMatrixLayoutRowMajor);
      else coopMatLoad(left[i], a_tile, k * A_ROW + m / UNIT, A_ROW, gl_CooperativeMatrixLayoutColumnMajor);
    }
    [[unroll]] for (uint j = 0; j < FN; j++) {
      uint n = wn * (BN / WN) + j * MN;
      coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> right;
      if (B_ALONG) coopMatLoad(right, b_tile, n * B_ROW + k / UNIT, B_ROW, gl_CooperativeMatrixLayoutColumnMajor);
      else coopMatLoad(right, b_tile, k * B_ROW + n / UNIT, B_ROW, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint i = 0; i < FM; i++) acc[i * FN + j] = coopMatMulAdd(left[i], right, acc[i * FN + j]);
    }
  }
}

void store(uint m0, uint n0, uint wm, uint wn) {
  bool mask = is(FLAG_MASK) && dropping();
  float factor = is(FLAG_ADAPTER) && !is(FLAG_SPLIT) ? scalars.adapter : 1.0;
  uint at = gl_SubgroupID * MM * MN / 4;
  [[unroll]] for (uint i = 0; i < FM; i++) {
    [[unroll]] for (uint j = 0; j < FN; j++) {
      subgroupBarrier();
      coopMatStore(acc[i * FN + j], fragment, at, MN / 4, gl_CooperativeMatrixLayoutRowMajor);
      subgroupBarrier();
      for (uint e = gl_SubgroupInvocationID; e < MM * MN / 4; e += SUBGROUP) {
        uint m = m0 + wm * (BM / WM) + i * MM + e / (MN / 4), n = n0 + wn * (BN / WN) + j * MN + e % (MN / 4) * 4;
        vec4 v = fragment[at + e];
        if (KIND == 1 && mask) v = dropped(v, key_of(m, M), n);
        finish(m, n, v, factor);
      }
    }
  }
}

void main() {
  uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  uint wm = gl_SubgroupID / WN, wn = gl_SubgroupID % WN;
  [[unroll]] for (uint i = 0; i < FM * FN; i++) acc[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(0.0);
  uint first = is(FLAG_SPLIT) ? gl_WorkGroupID.z * k_split : 0;
  uint end = is(FLAG_SPLIT) ? min(first + k_split, K) : K;
  if (R > 0 && first == 0) sum(u_factor(), b_factor(), m0, n0, 0, R, wm, wn);
  sum(x_factor(), w_factor(), m0, n0, first, end, wm, wn);
  store(m0, n0, wm, wn);
}
