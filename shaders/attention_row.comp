#version 460
// attention_row: attention_cached for a few rows, which would leave most of a tile of attention.comp idle:
// o = softmax(cap(scale·q·kᵀ))·v, the query of row r at position past+r seeing the keys from max(0, position−window+1)
// to position. Rows from scalars.tokens on are left as they are.
// Shapes: q, o [R, heads·D], k, v [N, kv_heads·D].
// Grid: R × heads; a workgroup does a query of a head, 256 keys at a time; 16 invocations share a key.
// Reads the keys and values that a query sees once for each query head, writes o.
#include "heads.glsl"

layout(local_size_x = 256) in;
#include "reduce.glsl"

layout(push_constant, scalar) uniform Push {
  Floats q, k, v, o;
  Scalars scalars;
  uint R, N, heads, kv_heads, window;
  float scale, cap;
};

const uint KEYS = 256, LINE = 17;
shared float memory[KEYS * LINE]; // parts of scores, weights, parts of the result

void main() {
  uint r = gl_WorkGroupID.x, h = gl_WorkGroupID.y, key_head = h * kv_heads / heads;
  if (r >= min(scalars.tokens, R)) return;
  uint i = gl_LocalInvocationIndex, ty = i / 16, tx = i % 16;
  uint begin = lowest(0, scalars.past + r, window), end = min(scalars.past + r + 1, N);
  Rows query = Rows(q, heads * D, h * D, R, F32);
  Rows keys = Rows(k, kv_heads * D, key_head * D, end, F32), values = Rows(v, kv_heads * D, key_head * D, end, F32);
  vec4 mine[NV], sums[NV];
  [[unroll]] for (uint j = 0; j < NV; j++) {
    mine[j] = load4(query, r, 4 * (tx + 16 * j));
    sums[j] = vec4(0);
  }
  float highest = HIDDEN, total = 0;
  for (uint k0 = begin; k0 < end; k0 += KEYS) {
    for (uint key = ty; key < min(KEYS, end - k0); key += 16) {
      vec4 part = vec4(0);
      [[unroll]] for (uint j = 0; j < NV; j++) part += mine[j] * load4(keys, k0 + key, 4 * (tx + 16 * j));
      memory[key * LINE + tx] = (part.x + part.y) + (part.z + part.w);
    }
    barrier();
    float score = HIDDEN;
    if (k0 + i < end) {
      float slope, sum = 0;
      [[unroll]] for (uint t = 0; t < 16; t++) sum += memory[i * LINE + t];
      score = capped(sum * scale, cap, slope);
    }
    float top = max(highest, workgroup_max(score));
    float weight = score == HIDDEN ? 0 : exp(score - top), shrink = exp(highest - top);
    total = total * shrink + workgroup_sum(weight);
    highest = top;
    memory[i * LINE] = weight;
    barrier();
    [[unroll]] for (uint j = 0; j < NV; j++) sums[j] *= shrink;
    for (uint key = ty; key < min(KEYS, end - k0); key += 16) {
      [[unroll]] for (uint j = 0; j < NV; j++) sums[j] += memory[key * LINE] * load4(values, k0 + key, 4 * (tx + 16 * j));
    }
    barrier();
  }
  const uint WIDTH = 64 * NV;
  [[unroll]] for (uint j = 0; j < NV; j++) {
    [[unroll]] for (uint c = 0; c < 4; c++) memory[ty * WIDTH + 4 * (tx + 16 * j) + c] = sums[j][c];
  }
  barrier();
  if (i >= D) return;
  float sum = 0;
  [[unroll]] for (uint t = 0; t < 16; t++) sum += memory[t * WIDTH + i];
  o.v[(r * heads + h) * D + i] = sum / total;
}
