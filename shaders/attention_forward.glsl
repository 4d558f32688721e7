// attention: o = softmax(cap(scale·q·kᵀ))·v for each head, over the keys max(first[t], t−window+1) … t of
// query t, and lse, the log of the sum of exponentials (Dao, 2023, algorithm 1). With CACHED
// the query of row r is position past+r and its keys begin at 0; only rows below
// scalars.tokens are done, and no lse is written.
// Shapes: q, o [R, heads·D], k, v [N, kv_heads·D], first [R,1], lse [R, heads].
// Grid: ⌈R/64⌉ × heads; a workgroup does 64 queries of a head, those with most keys first.
// Reads q, o's share of memory, once for each tile of 64 keys, and k and v, once for each tile of
// 64 queries that sees them; the caches keep both. Writes o and lse.

layout(constant_id = NEXT_CONSTANT) const bool CACHED = false;
layout(constant_id = NEXT_CONSTANT + 1) const uint TYPES = 0; // of q, k, v and o

layout(push_constant, scalar) uniform Push {
  Floats q, k, v;
  Ints first;
  Floats o, lse;
  Scalars scalars;
  uint R, N, heads, kv_heads, window;
  float scale, cap;
};

shared float highest[TILE], total[TILE], shrink[TILE], partial[4 * TILE];

// softmax turns the scores of a tile into exponentials relative to the highest score so
// far; shrink is by what earlier sums shrink. Four invocations share a query.
void softmax() {
  uint row = gl_LocalInvocationIndex % TILE, part = gl_LocalInvocationIndex / TILE;
  uint begin = part * TILE / 4 * LINE + row / 4;
  float top = HIDDEN;
  [[unroll]] for (uint n = 0; n < TILE / 4; n++) top = max(top, score_at(begin + n * LINE, row % 4));
  partial[gl_LocalInvocationIndex] = top;
  barrier();
  float before = highest[row];
  top = max(max(partial[row], partial[TILE + row]), max(partial[2 * TILE + row], partial[3 * TILE + row]));
  top = max(top, before);
  float sum = 0;
  [[unroll]] for (uint n = 0; n < TILE / 4; n++) {
    float s = score_at(begin + n * LINE, row % 4);
    // Not s > HIDDEN: NaN must come through.
    float e = seen(s != HIDDEN, exp(s - top));
    put_score(begin + n * LINE, row % 4, e);
    sum += e;
  }
  barrier();
  partial[gl_LocalInvocationIndex] = sum;
  if (part == 0) {
    highest[row] = top;
    shrink[row] = exp(before - top);
  }
  barrier();
  if (part == 0) {
    sum = (partial[row] + partial[TILE + row]) + (partial[2 * TILE + row] + partial[3 * TILE + row]);
    total[row] = total[row] * shrink[row] + sum;
  }
}

void main() {
  uint q0 = gl_WorkGroupID.x * TILE, h = gl_WorkGroupID.y, key_head = h * kv_heads / heads;
  if (!CACHED) q0 = (R - 1) / TILE * TILE - q0;
  uint rows = CACHED ? min(scalars.tokens, R) : R, past = CACHED ? scalars.past : 0;
  if (q0 >= rows) return;
  uint keys = min(past + rows, N), end = min(past + q0 + TILE, keys);
  Rows queries = Rows(q, heads * D, h * D, rows, TYPE_OF(0));
  Rows key_rows = Rows(k, kv_heads * D, key_head * D, keys, TYPE_OF(1)), values = Rows(v, kv_heads * D, key_head * D, keys, TYPE_OF(2));
  if (gl_LocalInvocationIndex < TILE) {
    highest[gl_LocalInvocationIndex] = HIDDEN;
    total[gl_LocalInvocationIndex] = 0;
  }
  uint low[4];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint r = min(q0 + 4 * ty() + i, rows - 1);
    low[i] = lowest(CACHED ? 0 : uint(first.v[r]), past + r, window);
  }
  clear_sums();
  for (uint k0 = lowest(CACHED ? 0 : uint(first.v[q0]), past + q0, window); k0 < end; k0 += TILE) {
    vec4 s[4];
    products(queries, q0, key_rows, k0, s);
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint key = k0 + 4 * tx() + j;
      [[unroll]] for (uint i = 0; i < 4; i++) {
        float slope, score = capped(s[j][i] * scale, cap, slope);
        s[j][i] = key >= low[i] && key <= past + q0 + 4 * ty() + i ? score : HIDDEN;
      }
    }
    put_scores(s);
    barrier();
    softmax();
    scores_to_weights();
    [[unroll]] for (uint i = 0; i < 4; i++) {
      [[unroll]] for (uint j = 0; j < NV; j++) sums[i * NV + j] *= shrink[4 * ty() + i];
    }
    accumulate(values, k0, 0);
  }
  Rows to = Rows(o, heads * D, h * D, rows, TYPE_OF(3));
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint r = q0 + 4 * ty() + i;
    if (r >= rows) continue;
    float sum = total[4 * ty() + i];
    [[unroll]] for (uint j = 0; j < NV; j++) store4(to, r, 4 * (tx() + 16 * j), sums[i * NV + j] / sum);
    if (!CACHED && tx() == 0) lse.v[r * heads + h] = highest[4 * ty() + i] + log_of(sum);
  }
}
