// attention_grad_q: dq = Σ over keys of ds·k, ds = p·(do·v − delta)·slope·scale, p = exp(score − lse), with the
// scores of attention.comp recomputed (Dao, 2023, algorithm 2) and slope the cap's.
// Shapes: q, dy (do), dq [R, heads·D], k, v [R, kv_heads·D], lse, delta [R, heads], first [R,1].
// Grid: ⌈R/64⌉ × heads; a workgroup does 64 queries of a head, those with most keys first.
// Reads q and dy once for each tile of 64 keys, k (twice) and v once for each tile of 64
// queries that sees them; the caches keep all. Writes dq.

layout(constant_id = NEXT_CONSTANT) const uint TYPES = 0; // of q, k, v, dy and dq

layout(push_constant, scalar) uniform Push {
  Floats q, k, v, dy, lse, delta;
  Ints first;
  Floats dq;
  uint R, heads, kv_heads, window;
  float scale, cap;
};

void main() {
  uint h = gl_WorkGroupID.y, key_head = h * kv_heads / heads;
  uint q0 = ((R - 1) / TILE - gl_WorkGroupID.x) * TILE, end = min(q0 + TILE, R);
  Rows queries = Rows(q, heads * D, h * D, R, TYPE_OF(0)), outputs = Rows(dy, heads * D, h * D, R, TYPE_OF(3));
  Rows keys = Rows(k, kv_heads * D, key_head * D, R, TYPE_OF(1)), values = Rows(v, kv_heads * D, key_head * D, R, TYPE_OF(2));
  uint low[4];
  float log_sum[4], removed[4];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint r = min(q0 + 4 * ty() + i, R - 1);
    low[i] = lowest(uint(first.v[r]), r, window);
    log_sum[i] = lse.v[r * heads + h];
    removed[i] = delta.v[r * heads + h];
  }
  clear_sums();
  for (uint k0 = lowest(uint(first.v[q0]), q0, window); k0 < end; k0 += TILE) {
    vec4 s[4], d[4];
    products(queries, q0, keys, k0, s);
    products(outputs, q0, values, k0, d);
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint key = k0 + 4 * tx() + j;
      [[unroll]] for (uint i = 0; i < 4; i++) {
        float slope, weight = exp(capped(s[j][i] * scale, cap, slope) - log_sum[i]);
        d[j][i] = seen(key >= low[i] && key <= q0 + 4 * ty() + i, weight * (d[j][i] - removed[i]) * slope * scale);
      }
    }
    put_weights(d);
    accumulate(keys, k0, 0);
  }
  collect(0);
  Rows to = Rows(dq, heads * D, h * D, R, TYPE_OF(4));
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint r = q0 + 4 * ty() + i;
    if (r >= R) continue;
    [[unroll]] for (uint j = 0; j < NV; j++) store4(to, r, 4 * (tx() + 16 * j), result(0, i, j));
  }
}
