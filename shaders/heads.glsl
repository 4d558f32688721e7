// Heads of attention's operands, and what one query makes of one key.
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "narrow.glsl"
#include "math.glsl"

layout(constant_id = 0) const uint D = 64;           // columns of a head, at most 256
layout(constant_id = 1) const bool ALIGNED = false;  // heads begin at multiples of 8 elements
layout(constant_id = 2) const bool CAPPED = false;

const uint NV = (D + 63) / 64;      // vectors of a head that one of 16 invocations has
const float HIDDEN = -1e38;         // the score of a key that a query does not see

// Rows of one head: element [r, c] is m.v[r·stride + column + c]. Rows from limit on,
// which may hold anything, read as the last one.
struct Rows {
  Floats m;
  uint stride, column, limit, type;
};

uint place(Rows t, uint r, uint c) { return min(r, t.limit - 1) * t.stride + t.column + c; }

// Whether a head has the column where vectors of 64 columns may go beyond it. What is not there is read elsewhere
// and left out, since loads behind a branch wait for each other.
bool there(uint c) { return D % 64 == 0 || c < D; }

vec4 load4(Rows t, uint r, uint c) {
  if (ALIGNED) {
    vec4 v = get4(t.m, t.type, place(t, r, there(c) ? c : 0));
    return there(c) ? v : vec4(0);
  }
  uint at = place(t, r, c);
  vec4 v = vec4(0);
  [[unroll]] for (uint i = 0; i < 4; i++) {
    if (c + i < D) v[i] = get(t.m, t.type, at + i);
  }
  return v;
}

void store4(Rows t, uint r, uint c, vec4 v) {
  uint at = r * t.stride + t.column + c;
  if (ALIGNED) {
    if (c < D) put4(t.m, t.type, at, v);
    return;
  }
  [[unroll]] for (uint i = 0; i < 4; i++) {
    if (c + i < D) put(t.m, t.type, at + i, v[i]);
  }
}

// lowest is the first key that a query sees.
uint lowest(uint first, uint query, uint window) {
  first = min(first, query);
  return window > 0 && query + 1 > window ? max(first, query + 1 - window) : first;
}

// What a key gives to a query that sees it, made before it is known, as every branch for it would cost more.
float seen(bool sees, float v) { return sees ? v : 0; }

// capped is cap·tanh(s/cap), and slope its derivative.
float capped(float s, float cap, out float slope) {
  slope = 1;
  if (!CAPPED) return s;
  float t = tanh_of(s / cap);
  slope = 1 - t * t;
  return cap * t;
}
