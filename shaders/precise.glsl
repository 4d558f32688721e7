// Sums of two floats, of which the second is the rounding error of the first:
// some 48 bits, on devices without float64. `precise` keeps the order of operations.

// two_sum is a + b and its error (Knuth).
vec2 two_sum(float a, float b) {
  precise float s = a + b;
  precise float part = s - a;
  precise float error = (a - (s - part)) + (b - part);
  return vec2(s, error);
}

// two_product is a·b and its error (Dekker, with Veltkamp's split), for |a|, |b| < 2^100.
vec2 two_product(float a, float b) {
  precise float p = a * b;
  precise float ca = a * 4097.0, cb = b * 4097.0;
  precise float a_high = ca - (ca - a), b_high = cb - (cb - b);
  precise float a_low = a - a_high, b_low = b - b_high;
  precise float error = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
  return vec2(p, error);
}

vec2 pair_sum(vec2 a, vec2 b) {
  vec2 s = two_sum(a.x, b.x);
  precise float low = s.y + (a.y + b.y);
  return two_sum(s.x, low);
}

vec2 pair_product(vec2 a, vec2 b) {
  vec2 p = two_product(a.x, b.x);
  precise float low = p.y + (a.x * b.y + a.y * b.x);
  return two_sum(p.x, low);
}

// pair_root is √a, by a Newton step on the device's root.
float pair_root(vec2 a) {
  if (a.x <= 0) return 0.0;
  float y = sqrt(a.x);
  vec2 square = two_product(y, y);
  precise float rest = ((a.x - square.x) - square.y) + a.y;
  return y + rest / (2.0 * y);
}
