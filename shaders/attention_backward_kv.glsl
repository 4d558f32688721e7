// attention_grad_kv: dv = Σ p·do and dk = Σ ds·q, over the queries that see a key and over all query heads of
// its head, p and ds as in attention_grad_q.comp. VALUES and KEYS say which of both; heads of
// more than 128 columns take two dispatches, since both sums do not fit registers.
// Shapes: q, dy (do) [R, heads·D], k, v, dk, dv [R, kv_heads·D], lse, delta [R, heads], first, last [R,1].
// Grid: ⌈R/64⌉ × kv_heads; a workgroup does 64 keys of a head. Reads k and v once for each
// tile of 64 queries, q and dy (each twice) once for each tile of 64 keys that they see;
// the caches keep all. Writes dk and dv.

layout(constant_id = NEXT_CONSTANT) const bool VALUES = true;
layout(constant_id = NEXT_CONSTANT + 1) const bool KEYS = true;
layout(constant_id = NEXT_CONSTANT + 2) const uint TYPES = 0; // of q, k, v, dy, dk and dv

layout(push_constant, scalar) uniform Push {
  Floats q, k, v, dy, lse, delta;
  Ints first, last;
  Floats dk, dv;
  uint R, heads, kv_heads, window;
  float scale, cap;
};

const uint DV = 0, DK = 1; // sets

// tile adds what the queries q0 … q0+63 of head h give to the keys from k0 on.
void tile(uint k0, uint q0, uint h, Rows keys, Rows values) {
  Rows queries = Rows(q, heads * D, h * D, R, TYPE_OF(0)), outputs = Rows(dy, heads * D, h * D, R, TYPE_OF(3));
  vec4 s[4], slopes[4], d[4];
  products(keys, k0, queries, q0, s);
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint r = q0 + 4 * tx() + j, row = min(r, R - 1);
    uint low = lowest(uint(first.v[row]), row, window);
    float log_sum = lse.v[row * heads + h];
    [[unroll]] for (uint i = 0; i < 4; i++) {
      uint key = k0 + 4 * ty() + i;
      float slope, weight = exp(capped(s[j][i] * scale, cap, slope) - log_sum);
      slopes[j][i] = slope;
      s[j][i] = seen(r < R && key >= low && key <= r, weight);
    }
  }
  if (VALUES) {
    put_weights(s);
    accumulate(outputs, q0, DV);
  }
  if (!KEYS) return;
  products(values, k0, outputs, q0, d);
  [[unroll]] for (uint j = 0; j < 4; j++) {
    float removed = delta.v[min(q0 + 4 * tx() + j, R - 1) * heads + h];
    s[j] *= (d[j] - removed) * slopes[j] * scale;
  }
  put_weights(s);
  accumulate(queries, q0, DK);
}

void store(Rows to, uint k0, uint set) {
  collect(set);
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint r = k0 + 4 * ty() + i;
    if (r >= R) continue;
    [[unroll]] for (uint j = 0; j < NV; j++) store4(to, r, 4 * (tx() + 16 * j), result(set, i, j));
  }
}

void main() {
  uint k0 = gl_WorkGroupID.x * TILE, key_head = gl_WorkGroupID.y;
  uint highest = min(k0 + TILE, R) - 1, end = min(max(uint(last.v[highest]), highest), R - 1) + 1;
  if (window > 0) end = min(end, highest + window);
  Rows keys = Rows(k, kv_heads * D, key_head * D, R, TYPE_OF(1)), values = Rows(v, kv_heads * D, key_head * D, R, TYPE_OF(2));
  clear_sums();
  uint group = heads / kv_heads;
  for (uint h = key_head * group; h < (key_head + 1) * group; h++) {
    for (uint q0 = k0; q0 < end; q0 += TILE) tile(k0, q0, h, keys, values);
  }
  if (VALUES) store(Rows(dv, kv_heads * D, key_head * D, R, TYPE_OF(5)), k0, DV);
  if (KEYS) store(Rows(dk, kv_heads * D, key_head * D, R, TYPE_OF(4)), k0, DK);
}
