// Tiles of attention on matrix units (VK_KHR_cooperative_matrix): the functions of
// attention.glsl, whose comment says what an invocation has, with the factors of all products
// rounded to ELEMENT by pack4 where memory does not have them so, and sums in float32.
//
// What an invocation makes of single scores, and sums that are rescaled between tiles, needs to
// know which element is where, which matrices do not tell: those go through shared memory. With
// RESCALED not set sums stay in matrices until collect.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "heads.glsl"

layout(local_size_x = 256) in;
// The device's shape of matrices, sides multiples of 8, and its subgroups.
layout(constant_id = 3) const uint MM = 16;
layout(constant_id = 4) const uint MN = 16;
layout(constant_id = 5) const uint MK = 16;
layout(constant_id = 6) const uint SUBGROUP = 32;
#define NEXT_CONSTANT 7

const uint TILE = 64;
const uint CHUNK = 32;          // columns of scores' factors in shared memory at a time
const uint LINE = TILE / 4 + 1; // rows of shared memory are 16 bytes longer than needed, which keeps banks apart
const uint CHUNK_ROW = CHUNK / 8 + 1;
const uint TILE_ROW = TILE / 8 + 1;

// A subgroup has EACH fragments of a tile side by side.
const uint ACROSS = TILE / MN;
const uint FRAGMENTS = TILE / MM * ACROSS;
const uint SUBGROUPS = 256 / SUBGROUP;
const uint EACH = (FRAGMENTS + SUBGROUPS - 1) / SUBGROUPS;

// Two chunks of factors, or the weights of a tile [outer row][inner rows], in ELEMENT.
shared uvec4 factors[2 * TILE * CHUNK_ROW];
// Scores [inner row][outer rows] or results [outer row][columns] in float32, or rows of a factor
// [inner row][columns] in ELEMENT.
shared uvec4 scores[TILE * LINE];

const uint KEPT = RESCALED ? 1 : SETS * NV;
coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> kept_sums[KEPT * EACH];
vec4 sums[4 * NV];

void clear_matrices(uint begin, uint n) {
  [[unroll]] for (uint i = 0; i < n; i++) kept_sums[begin + i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(0.0);
}

void clear_sums() {
  clear_matrices(0, KEPT * EACH);
  [[unroll]] for (uint i = 0; i < 4 * NV; i++) sums[i] = vec4(0);
}

uint ty() { return gl_LocalInvocationIndex / 16; }
uint tx() { return gl_LocalInvocationIndex % 16; }

// The first fragment of this subgroup; it may have none.
bool working() { return SUBGROUPS * EACH == FRAGMENTS || gl_SubgroupID * EACH < FRAGMENTS; }
uint fragment_row() { return gl_SubgroupID * EACH / ACROSS * MM; }
uint fragment_column(uint i) { return (gl_SubgroupID * EACH + i) % ACROSS * MN; }

// Eight columns of a row as they lie in memory: what lies there in ELEMENT is in low, packed as factors are, float32
// in both, to be rounded when it is used, for to round it is to wait for it.
Raw raw8(Rows t, uint r, uint c) {
  if (t.type != ELEMENT_TYPE) return Raw(floatBitsToUint(load4(t, r, c)), floatBitsToUint(load4(t, r, c + 4)));
  if (!ALIGNED) return Raw(uvec4(pack4(load4(t, r, c)), pack4(load4(t, r, c + 4))), uvec4(0));
  uvec4 v = Eights(t.m).v[place(t, r, there(c) ? c : 0) / 8];
  return Raw(there(c) ? v : uvec4(0), uvec4(0));
}

uvec4 factors8(Rows t, Raw raw) {
  return t.type == ELEMENT_TYPE ? raw.low : uvec4(pack4(uintBitsToFloat(raw.low)), pack4(uintBitsToFloat(raw.high)));
}

vec4 score4(uint at) { return uintBitsToFloat(scores[at]); }

void products(Rows a, uint a0, Rows b, uint b0, out vec4 s[4]) {
  coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> sum[EACH];
  [[unroll]] for (uint i = 0; i < EACH; i++) sum[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(0.0);
  // An invocation has 8 columns of a row of each chunk.
  uint row = gl_LocalInvocationIndex / (CHUNK / 8), part = gl_LocalInvocationIndex % (CHUNK / 8);
  uint at = row * CHUNK_ROW + part;
  Raw next_a = raw8(a, a0 + row, 8 * part), next_b = raw8(b, b0 + row, 8 * part);
  for (uint c0 = 0; c0 < D; c0 += CHUNK) {
    barrier();
    factors[at] = factors8(a, next_a);
    factors[TILE * CHUNK_ROW + at] = factors8(b, next_b);
    barrier();
    if (c0 + CHUNK < D) {
      next_a = raw8(a, a0 + row, c0 + CHUNK + 8 * part);
      next_b = raw8(b, b0 + row, c0 + CHUNK + 8 * part);
    }
    if (!working()) continue;
    [[unroll]] for (uint k = 0; k < CHUNK; k += MK) {
      coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> left;
      coopMatLoad(left, factors, fragment_row() * CHUNK_ROW + k / 8, CHUNK_ROW, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint i = 0; i < EACH; i++) {
        coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> right;
        coopMatLoad(right, factors, (TILE + fragment_column(i)) * CHUNK_ROW + k / 8, CHUNK_ROW, gl_CooperativeMatrixLayoutColumnMajor);
        sum[i] = coopMatMulAdd(left, right, sum[i]);
      }
    }
  }
  if (working()) {
    [[unroll]] for (uint i = 0; i < EACH; i++) {
      coopMatStore(sum[i], scores, fragment_column(i) * LINE + fragment_row() / 4, LINE, gl_CooperativeMatrixLayoutColumnMajor);
    }
  }
  barrier();
  [[unroll]] for (uint j = 0; j < 4; j++) s[j] = score4((4 * tx() + j) * LINE + ty());
}

// results makes sums those in matrices from begin on, of the 64 columns of vectors 16·piece …, or adds them.
void results(uint begin, uint piece, bool add) {
  barrier();
  if (working()) {
    [[unroll]] for (uint i = 0; i < EACH; i++) {
      coopMatStore(kept_sums[begin + i], scores, fragment_row() * LINE + fragment_column(i) / 4, LINE, gl_CooperativeMatrixLayoutRowMajor);
    }
  }
  barrier();
  [[unroll]] for (uint i = 0; i < 4; i++) {
    vec4 v = score4((4 * ty() + i) * LINE + tx());
    sums[i * NV + piece] = add ? sums[i * NV + piece] + v : v;
  }
}

void accumulate(Rows b, uint b0, uint set) {
  // An invocation has 8 columns of two rows of each piece; the next one is on its way while one is multiplied.
  uint row = gl_LocalInvocationIndex / 8, part = gl_LocalInvocationIndex % 8;
  Raw next[2];
  [[unroll]] for (uint i = 0; i < 2; i++) next[i] = raw8(b, b0 + row + 32 * i, 8 * part);
  [[unroll]] for (uint piece = 0; piece < NV; piece++) {
    barrier();
    [[unroll]] for (uint i = 0; i < 2; i++) scores[(row + 32 * i) * TILE_ROW + part] = factors8(b, next[i]);
    barrier();
    if (piece + 1 < NV) {
      [[unroll]] for (uint i = 0; i < 2; i++) next[i] = raw8(b, b0 + row + 32 * i, 64 * (piece + 1) + 8 * part);
    }
    uint begin = RESCALED ? 0 : (set * NV + piece) * EACH;
    if (RESCALED) clear_matrices(0, EACH);
    if (working()) {
      [[unroll]] for (uint k = 0; k < TILE; k += MK) {
        coopmat<ELEMENT, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> left;
        coopMatLoad(left, factors, fragment_row() * TILE_ROW + k / 8, TILE_ROW, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint i = 0; i < EACH; i++) {
          coopmat<ELEMENT, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> right;
          coopMatLoad(right, scores, k * TILE_ROW + fragment_column(i) / 8, TILE_ROW, gl_CooperativeMatrixLayoutRowMajor);
          kept_sums[begin + i] = coopMatMulAdd(left, right, kept_sums[begin + i]);
        }
      }
    }
    if (RESCALED) results(0, piece, true);
  }
}

void put_weights(vec4 w[4]) {
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uvec2 v = pack4(vec4(w[0][i], w[1][i], w[2][i], w[3][i]));
    uint at = (4 * ty() + i) * TILE_ROW + tx() / 2;
    factors[at][tx() % 2 * 2] = v.x;
    factors[at][tx() % 2 * 2 + 1] = v.y;
  }
}

void put_scores(vec4 s[4]) {
  [[unroll]] for (uint j = 0; j < 4; j++) scores[(4 * tx() + j) * LINE + ty()] = floatBitsToUint(s[j]);
}
float score_at(uint at, uint row) { return uintBitsToFloat(scores[at][row]); }
void put_score(uint at, uint row, float v) { scores[at][row] = floatBitsToUint(v); }

void scores_to_weights() {
  vec4 w[4];
  [[unroll]] for (uint j = 0; j < 4; j++) w[j] = score4((4 * tx() + j) * LINE + ty());
  put_weights(w);
}

void collect(uint set) {
  [[unroll]] for (uint piece = 0; piece < NV; piece++) results((set * NV + piece) * EACH, piece, false);
}
vec4 result(uint set, uint i, uint j) { return sums[i * NV + j]; }
