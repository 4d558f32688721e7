#version 460
// product: the dense products of linear, linear_grad and linear_weight_grad in
// float32, on any device.
//
//   KIND 0, linear:             y[M,N] = scale·drop(x[M,K])·w[N,K]ᵀ + u[M,R]·b[N,R]ᵀ + bias
//   KIND 1, linear_grad:        y[M,N] = scale·x[M,K]·w[K,N] + drop'(u[M,R]·b[R,N])
//   KIND 2, linear_weight_grad: y[M,N] = x[K,M]ᵀ·drop(w[K,N])
//
// then times scalars.adapter where flags say so, and added to y, or of linear_grad to what bias points to, where they do.
// u and b are there where R > 0, bias where flags say so. index has a token's
// index for each row that drop's mask has. With FLAG_SPLIT, workgroup z does k from
// z·k_split on and writes its part, without what is last, to y[z][M,N];
// product_sum.comp does the rest.
//
// Grid: N/BN × M/BM × parts. A workgroup does a tile of BM × BN, an invocation
// TM × TN of it in registers; BK terms at a time lie in shared memory, and the next ones are
// fetched to registers while those are multiplied.
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(local_size_x_id = 0) in; // (BM/TM)·(BN/TN)
layout(constant_id = 1) const uint BM = 64;
layout(constant_id = 2) const uint BN = 64;
layout(constant_id = 3) const uint BK = 16;
layout(constant_id = 4) const uint TM = 4;
layout(constant_id = 5) const uint TN = 4;
layout(constant_id = 6) const uint KIND = 0;
layout(constant_id = 7) const uint WEIGHT = 0;
layout(constant_id = 8) const bool DROP = false;
layout(constant_id = 9) const uint ALIGNED = 0; // of operands: product.glsl
layout(constant_id = 10) const bool WHOLE = false; // K is a multiple of BK
// Of x, u and y.
layout(constant_id = 11) const uint TYPES = 0;

const uint UNIT = 4;
const uint THREADS = BM / TM * (BN / TN);

#include "product.glsl"

// Rows of both tiles are k; a vector more than needed keeps banks apart.
const uint AS = BM / 4 + 1;
const uint BS = BN / 4 + 1;
shared vec4 a_tile[BK * AS];
shared vec4 b_tile[BK * BS];

const uint PARTS_N = BN / TN;
const uint STEP_M = BM / TM;
vec4 acc[TM * TN / 4];

// Units of rows of the tile have four terms, and are turned.
void put_tiles(Factor a, Factor b, uint n0, uint k0) {
  [[unroll]] for (uint i = 0; i < A_EACH; i++) {
    if (!in_a(i)) break;
    uvec2 p = place_a(i);
    vec4 v = a_numbers(a, i, 0, k0);
    if (KIND == 2) a_tile[p.x * AS + p.y / 4] = v;
    else [[unroll]] for (uint j = 0; j < 4; j++) a_tile[(p.y + j) * AS + p.x / 4][p.x % 4] = v[j];
  }
  [[unroll]] for (uint i = 0; i < B_EACH; i++) {
    if (!in_b(i)) break;
    uvec2 p = place_b(i);
    vec4 v = b_numbers(b, i, 0, n0, k0);
    if (KIND != 0) b_tile[p.x * BS + p.y / 4] = v;
    else [[unroll]] for (uint j = 0; j < 4; j++) b_tile[(p.y + j) * BS + p.x / 4][p.x % 4] = v[j];
  }
}

// multiply adds the product of both tiles to the accumulators.
void multiply(uint ty, uint tx) {
  for (uint k = 0; k < BK; k++) {
    vec4 right[TN / 4];
    [[unroll]] for (uint j = 0; j < TN / 4; j++) right[j] = b_tile[k * BS + tx + j * PARTS_N];
    [[unroll]] for (uint i = 0; i < TM / 4; i++) {
      vec4 left = a_tile[k * AS + ty + i * STEP_M];
      [[unroll]] for (uint c = 0; c < 4; c++) {
        [[unroll]] for (uint j = 0; j < TN / 4; j++) acc[(i * 4 + c) * (TN / 4) + j] += left[c] * right[j];
      }
    }
  }
}

// mask_rank puts the forward's mask on the rank's product.
void mask_rank(uint m0, uint n0, uint ty, uint tx) {
  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint key = key_of(m0 + 4 * (ty + i / 4 * STEP_M) + i % 4, M);
    [[unroll]] for (uint j = 0; j < TN / 4; j++) acc[i * (TN / 4) + j] = dropped(acc[i * (TN / 4) + j], key, n0 + 4 * (tx + j * PARTS_N));
  }
}

void store(uint m0, uint n0, uint ty, uint tx) {
  float factor = is(FLAG_ADAPTER) && !is(FLAG_SPLIT) ? scalars.adapter : 1.0;
  [[unroll]] for (uint i = 0; i < TM; i++) {
    [[unroll]] for (uint j = 0; j < TN / 4; j++) {
      finish(m0 + 4 * (ty + i / 4 * STEP_M) + i % 4, n0 + 4 * (tx + j * PARTS_N), acc[i * (TN / 4) + j], factor);
    }
  }
}

void main() {
  uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  uint ty = gl_LocalInvocationIndex / PARTS_N, tx = gl_LocalInvocationIndex % PARTS_N;
  [[unroll]] for (uint i = 0; i < TM * TN / 4; i++) acc[i] = vec4(0);
  uint first = is(FLAG_SPLIT) ? gl_WorkGroupID.z * k_split : 0;
  uint end = is(FLAG_SPLIT) ? min(first + k_split, K) : K;
  if (R > 0 && first == 0) {
    sum(u_factor(), b_factor(), m0, n0, 0, R, ty, tx);
    if (KIND == 1 && dropping()) mask_rank(m0, n0, ty, tx);
  }
  sum(x_factor(), w_factor(), m0, n0, first, end, ty, tx);
  store(m0, n0, ty, tx);
}
