// Tiles of attention in float32, for any device; attention_matrix.glsl has the same functions
// on matrix units. attention_forward.glsl and attention_backward_*.glsl are made of them.
//
// A workgroup has TILE rows on its outer side (queries, or keys where gradients of
// keys are made) and runs over tiles of TILE rows of the inner side. Invocation
// (ty, tx) of 16 × 16 has the 4 outer rows 4·ty+i; of a tile's scores the 4
// inner rows 4·tx+j, of a result's D columns the vectors tx+16·j. Nothing larger than a
// tile is ever in memory.
#include "heads.glsl"

layout(local_size_x = 256) in;
#define NEXT_CONSTANT 3

const uint TILE = 64;
const uint CHUNK = 16;              // columns of scores' factors in shared memory at a time
const uint LINE = TILE / 4 + 1;     // vectors of a tile's row; one more than needed keeps banks apart
const uint WIDTH = 16 * NV;         // vectors of a row of stage
const uint STAGED = NV == 3 ? 8 : 32 / NV; // rows of it at a time

// The results that an invocation collects: SETS of them, each 4 rows of NV vectors.
vec4 sums[SETS * 4 * NV];

void clear_sums() {
  [[unroll]] for (uint i = 0; i < SETS * 4 * NV; i++) sums[i] = vec4(0);
}

shared vec4 stage[2 * CHUNK * LINE];
shared vec4 weights[TILE * LINE]; // [inner row][outer rows]

uint ty() { return gl_LocalInvocationIndex / 16; }
uint tx() { return gl_LocalInvocationIndex % 16; }

// products gives in s[j][i] the product of rows a0+4·ty+i of a and b0+4·tx+j of b.
// The next chunk is on its way while one is multiplied. Unrolled, it would take twice the registers on AMD.
void products(Rows a, uint a0, Rows b, uint b0, out vec4 s[4]) {
  uint r = gl_LocalInvocationIndex / 4, c = gl_LocalInvocationIndex % 4 * 4;
  vec4 next_a = load4(a, a0 + r, c), next_b = load4(b, b0 + r, c);
  [[unroll]] for (uint j = 0; j < 4; j++) s[j] = vec4(0);
  [[dont_unroll]] for (uint c0 = 0; c0 < D; c0 += CHUNK) {
    barrier();
    [[unroll]] for (uint i = 0; i < 4; i++) {
      stage[(c + i) * LINE + r / 4][r % 4] = next_a[i];
      stage[(CHUNK + c + i) * LINE + r / 4][r % 4] = next_b[i];
    }
    barrier();
    if (c0 + CHUNK < D) {
      next_a = load4(a, a0 + r, c0 + CHUNK + c);
      next_b = load4(b, b0 + r, c0 + CHUNK + c);
    }
    [[unroll]] for (uint k = 0; k < CHUNK; k++) {
      vec4 left = stage[k * LINE + ty()], right = stage[(CHUNK + k) * LINE + tx()];
      [[unroll]] for (uint j = 0; j < 4; j++) s[j] += left * right[j];
    }
  }
}

// accumulate adds to a set, for outer row 4·ty+i and the columns of vector tx+16·j at i·NV+j,
// the sum over n of weights[n] times row b0+n of b.
void accumulate(Rows b, uint b0, uint set) {
  [[dont_unroll]] for (uint n0 = 0; n0 < TILE && b0 + n0 < b.limit; n0 += STAGED) {
    barrier();
    for (uint e = gl_LocalInvocationIndex; e < STAGED * WIDTH; e += 256) {
      stage[e] = load4(b, b0 + n0 + e / WIDTH, e % WIDTH * 4);
    }
    barrier();
    [[unroll]] for (uint n = 0; n < STAGED; n++) {
      vec4 w = weights[(n0 + n) * LINE + ty()];
      [[unroll]] for (uint j = 0; j < NV; j++) {
        vec4 x = stage[n * WIDTH + tx() + 16 * j];
        [[unroll]] for (uint i = 0; i < 4; i++) sums[(set * 4 + i) * NV + j] += w[i] * x;
      }
    }
  }
}

// put_weights makes w[j][i] the weights of inner row 4·tx+j. All invocations must have
// passed a barrier since the weights before were read; accumulate begins with one.
void put_weights(vec4 w[4]) {
  [[unroll]] for (uint j = 0; j < 4; j++) weights[(4 * tx() + j) * LINE + ty()] = w[j];
}

// The scores of a tile are where its weights will be.
void put_scores(vec4 s[4]) { put_weights(s); }
float score_at(uint at, uint row) { return weights[at][row]; }
void put_score(uint at, uint row, float v) { weights[at][row] = v; }
void scores_to_weights() {}

// collect makes result(set, i, j) what accumulate added up, of row 4·ty+i and vector tx+16·j.
void collect(uint set) {}
vec4 result(uint set, uint i, uint j) { return sums[(set * 4 + i) * NV + j]; }
