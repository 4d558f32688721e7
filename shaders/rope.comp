#version 460
// rope: rotates the pairs of columns of each head by angle position·inv_freq[i] (by the negative
// with INVERSE), times scale; further columns are copied.
// Shapes: x, y [R, heads·D], positions [R,1], inv_freq [PAIRS]. y may be x.
// Grid: R·⌈heads/EACH⌉·UNITS/256 workgroups, folded; an invocation does a pair, or one of the
// columns that are not rotated, of EACH heads. Reads x, writes y.
//
// The angle is a float32, and its sine and cosine are exact to some 2^-24: the angle is divided by a
// turn in fixed point with 64 bits of 1/2π, which no device's float arithmetic
// touches, and Taylor's series do the rest. No float64 is needed.
#include "common.glsl"
#include "narrow.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint D = 2;
layout(constant_id = 1) const uint PAIRS = 1;
layout(constant_id = 2) const bool INTERLEAVED = false;
layout(constant_id = 3) const bool INVERSE = false;
layout(constant_id = 4) const uint TYPES = 0; // of y

layout(push_constant, scalar) uniform Push {
  Floats x;
  Ints positions;
  Floats inv_freq, y;
  uint n, heads;
  float scale;
};

const uint EACH = 8;
const uint UNITS = D - PAIRS;

// turns is the fraction of a turn, in 2^-32, that an angle of less than 2^24 is.
uint turns(float angle) {
  uint bits = floatBitsToUint(angle) & 0x7fffffffu;
  uint shift = 150 - (bits >> 23);
  uint mantissa = (bits & 0x7fffffu) | 0x800000u;
  // mantissa / 2π, high:low, with 32 bits behind the point.
  uint high, low, below, unused, carry;
  umulExtended(mantissa, 0x28be60dbu, high, low);
  umulExtended(mantissa, 0x9391054au, below, unused);
  low = uaddCarry(low, below, carry);
  high += carry;
  if (shift == 0) return low;
  if (shift < 32) return (low >> shift) | (high << (32 - shift));
  return shift < 64 ? high >> (shift - 32) : 0;
}

// sin_cos is exact to 2^-24 for |angle| < 2^24.
void sin_cos(float angle, out float s, out float c) {
  uint quadrant = 0;
  float r = angle;
  if (abs(angle) > 0.78) {
    uint t = turns(angle);
    quadrant = (t + 0x20000000u) >> 30;
    r = float(int(t - (quadrant << 30))) * 1.46291808e-9; // 2π/2^32
    if (angle < 0) {
      r = -r;
      quadrant = (4 - quadrant) & 3;
    }
  }
  float q = r * r;
  float a = 1.0 / 362880;
  a = a * q - 1.0 / 5040;
  a = a * q + 1.0 / 120;
  a = a * q - 1.0 / 6;
  a = r + r * q * a;
  float b = -1.0 / 3628800;
  b = b * q + 1.0 / 40320;
  b = b * q - 1.0 / 720;
  b = b * q + 1.0 / 24;
  b = 1.0 - 0.5 * q + q * q * b;
  bool swapped = (quadrant & 1) != 0;
  s = swapped ? b : a;
  c = swapped ? a : b;
  if (quadrant >= 2) s = -s;
  if (quadrant == 1 || quadrant == 2) c = -c;
}

void main() {
  uint i = flat_group() * 256 + gl_LocalInvocationID.x;
  if (i >= n) return;
  uint unit = i % UNITS, parts = (heads + EACH - 1) / EACH;
  uint part = i / UNITS % parts, r = i / UNITS / parts;
  uint begin = part * EACH, end = min(begin + EACH, heads);
  if (unit >= PAIRS) {
    for (uint h = begin; h < end; h++) {
      uint at = (r * heads + h) * D + PAIRS + unit;
      put(y, TYPE_OF(0), at, x.v[at]);
    }
    return;
  }
  precise float angle = float(positions.v[r]) * inv_freq.v[unit];
  float s, c;
  sin_cos(angle, s, c);
  s = (INVERSE ? -s : s) * scale;
  c *= scale;
  for (uint h = begin; h < end; h++) {
    uint head = (r * heads + h) * D;
    uint a = head + (INTERLEAVED ? 2 * unit : unit), b = INTERLEAVED ? a + 1 : a + PAIRS;
    float xa = x.v[a], xb = x.v[b];
    put(y, TYPE_OF(0), a, xa * c - xb * s);
    put(y, TYPE_OF(0), b, xb * c + xa * s);
  }
}
