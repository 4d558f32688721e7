#version 460
// product: the dense products of linear, linear_grad and linear_weight_grad in
// float32, on any device.
//
//   KIND 0, linear:             y[M,N] = scale·drop(x[M,K])·w[N,K]ᵀ + u[M,R]·b[N,R]ᵀ + bias
//   KIND 1, linear_grad:        y[M,N] = scale·x[M,K]·w[K,N] + drop'(u[M,R]·b[R,N])
//   KIND 2, linear_weight_grad: y[M,N] = x[K,M]ᵀ·drop(w[K,N])
//
// then times scalars.adapter where flags say so, and added to y where they do.
// u and b are there where R > 0, bias where flags say so. index has a token's
// index for each row that drop's mask has. With FLAG_SPLIT, workgroup z does k from
// z·k_split on and writes its part, without what is last, to y[z][M,N];
// product_sum.comp does the rest.
//
// Grid: N/BN × M/BM × parts. A workgroup does a tile of BM × BN, an invocation
// TM × TN of it in registers; BK terms at a time lie in shared memory.
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(local_size_x_id = 0) in; // (BM/TM)·(BN/TN)
layout(constant_id = 1) const uint BM = 64;
layout(constant_id = 2) const uint BN = 64;
layout(constant_id = 3) const uint TM = 4;
layout(constant_id = 4) const uint TN = 4;
layout(constant_id = 5) const uint KIND = 0;
layout(constant_id = 6) const uint WEIGHT = 0;
layout(constant_id = 7) const bool DROP = false;
const uint BK = 16;

#include "weights.glsl"

// What only the ends of a tile see is not worth a pipeline of its own.
const uint FLAG_BIAS = 1, FLAG_ADAPTER = 2, FLAG_ACCUMULATE = 4, FLAG_SPLIT = 8;

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

// Rows of both tiles are k; a row more than needed keeps banks apart.
const uint AS = BM / 4 + 1;
const uint BS = BN / 4 + 1;
shared vec4 a_tile[BK * AS];
shared vec4 b_tile[BK * BS];

const uint PARTS_N = BN / TN;
const uint STEP_M = BM / TM;
vec4 acc[TM * TN / 4];


bool dropping() { return DROP && scalars.training != 0; }

// dropped is an element after dropout; key is its row's.
float dropped(float v, uint key, uint column) { return kept(key, column, threshold) ? v * keep_scale : 0.0; }

float main_a(uint m, uint k, bool drop) {
  if (KIND == 2) return x.v[k * M + m];
  float v = scale * x.v[m * K + k];
  if (KIND == 0 && drop) v = dropped(v, row_key(scalars, module, index.v[m]), k);
  return v;
}

float main_b(uint k, uint n, bool drop) {
  float v = weight(w, parts, tables, KIND == 0 ? n * K + k : k * N + n);
  if (KIND == 2 && drop) v = dropped(v, row_key(scalars, module, index.v[k]), n);
  return v;
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

// Elements of a tile in the order of memory: along k, or across it.
#define FOR_TILE(WIDTH, ALONG_K)                                                     \
  for (uint e = gl_LocalInvocationIndex; e < BK * WIDTH; e += gl_WorkGroupSize.x) { \
    uint k = ALONG_K ? e % BK : e / WIDTH;                                           \
    uint r = ALONG_K ? e / BK : e % WIDTH;

void rank_product(uint m0, uint n0, uint ty, uint tx) {
  for (uint k0 = 0; k0 < R; k0 += BK) {
    FOR_TILE(BM, true)
      bool inside = m0 + r < M && k0 + k < R;
      a_tile[k * AS + r / 4][r % 4] = inside ? u.v[(m0 + r) * R + k0 + k] : 0.0;
    }
    FOR_TILE(BN, KIND == 0)
      bool inside = n0 + r < N && k0 + k < R;
      uint at = KIND == 0 ? (n0 + r) * R + k0 + k : (k0 + k) * N + n0 + r;
      b_tile[k * BS + r / 4][r % 4] = inside ? b.v[at] : 0.0;
    }
    barrier();
    multiply(ty, tx);
    barrier();
  }
}

void main_product(uint m0, uint n0, uint begin, uint end, uint ty, uint tx) {
  bool drop = dropping();
  for (uint k0 = begin; k0 < end; k0 += BK) {
    FOR_TILE(BM, KIND != 2)
      bool inside = m0 + r < M && k0 + k < end;
      float v = 0.0;
      if (inside) v = main_a(m0 + r, k0 + k, drop);
      a_tile[k * AS + r / 4][r % 4] = v;
    }
    FOR_TILE(BN, KIND == 0)
      bool inside = n0 + r < N && k0 + k < end;
      float v = 0.0;
      if (inside) v = main_b(k0 + k, n0 + r, drop);
      b_tile[k * BS + r / 4][r % 4] = v;
    }
    barrier();
    multiply(ty, tx);
    barrier();
  }
}

// mask_rank puts the forward's mask on the rank's product.
void mask_rank(uint m0, uint n0, uint ty, uint tx) {
  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint m = m0 + 4 * (ty + i / 4 * STEP_M) + i % 4;
    uint key = m < M ? row_key(scalars, module, index.v[m]) : 0;
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint n = n0 + 4 * (tx + j / 4 * PARTS_N) + j % 4;
      float v = acc[i * (TN / 4) + j / 4][j % 4];
      acc[i * (TN / 4) + j / 4][j % 4] = dropped(v, key, n);
    }
  }
}

void store(uint m0, uint n0, uint ty, uint tx) {
  float factor = is(FLAG_ADAPTER) && !is(FLAG_SPLIT) ? scalars.adapter : 1.0;
  uint part = is(FLAG_SPLIT) ? gl_WorkGroupID.z * M : 0;
  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint m = m0 + 4 * (ty + i / 4 * STEP_M) + i % 4;
    if (m >= M) continue;
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint n = n0 + 4 * (tx + j / 4 * PARTS_N) + j % 4;
      if (n >= N) continue;
      float v = acc[i * (TN / 4) + j / 4][j % 4];
      uint at = (part + m) * N + n;
      if (is(FLAG_BIAS) && !is(FLAG_SPLIT)) v += bias.v[n];
      v *= factor;
      if (is(FLAG_ACCUMULATE) && !is(FLAG_SPLIT)) v += y.v[at];
      y.v[at] = v;
    }
  }
}

void main() {
  uint m0 = gl_WorkGroupID.y * BM, n0 = gl_WorkGroupID.x * BN;
  uint ty = gl_LocalInvocationIndex / PARTS_N, tx = gl_LocalInvocationIndex % PARTS_N;
  [[unroll]] for (uint i = 0; i < TM * TN / 4; i++) acc[i] = vec4(0);
  uint begin = is(FLAG_SPLIT) ? gl_WorkGroupID.z * k_split : 0;
  uint end = is(FLAG_SPLIT) ? min(begin + k_split, K) : K;
  if (R > 0 && begin == 0) {
    rank_product(m0, n0, ty, tx);
    if (KIND == 1 && dropping()) mask_rank(m0, n0, ty, tx);
  }
  main_product(m0, n0, begin, end, ty, tx);
  store(m0, n0, ty, tx);
}
