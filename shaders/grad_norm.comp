#version 460
// grad_norm: norm[0] = √Σ g² over the loss scale, in two dispatches: the first gives a partial sum for each
// workgroup, the second, one workgroup, adds them and takes the root.
// Shapes: grads [n], partials [groups, 7], norm [1].
// Grid: groups workgroups, at most 1,024, of `each` elements; then 1. Reads the gradients once.
//
// The definition sums in float64, which not all devices have. Here squares that would
// leave float32's range are scaled, each of three ranges having its own sum (Blue, 1978),
// and sums carry their rounding error along. All orders are fixed by n.
#include "common.glsl"
#include "math.glsl"
#include "precise.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const bool LAST = false;

// A partial result: the sums of the ranges as pairs, and the bits of a gradient that is
// not finite, 0 if there is none.
struct Sums {
  vec2 small, middle, large;
  uint wrong;
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Partials { Sums v[]; };

layout(push_constant, scalar) uniform Push {
  Floats grads;
  Partials partials;
  Floats norm;
  Scalars scalars;
  uint n, each;
};

// Gradients above 2^50 are scaled by 2^-80, those below 2^-50 by 2^90.
const float LARGE = 1.12589991e15, LARGE_SCALE = 8.27180613e-25, LARGE_UNSCALE = 1.20892582e24;
const float SMALL = 8.88178420e-16, SMALL_SCALE = 1.23794004e27, SMALL_UNSCALE = 8.07793567e-28;

shared Sums all[256];

// NaN wins over infinity: its bits are larger.
Sums join(Sums a, Sums b) {
  return Sums(pair_sum(a.small, b.small), pair_sum(a.middle, b.middle), pair_sum(a.large, b.large), max(a.wrong, b.wrong));
}

void collect(inout Sums s, float g) {
  uint magnitude = floatBitsToUint(g) & 0x7fffffffu;
  float a = uintBitsToFloat(magnitude);
  if (magnitude >= 0x7f800000u) {
    s.wrong = max(s.wrong, magnitude);
  } else if (a > LARGE) {
    a *= LARGE_SCALE;
    s.large = pair_sum(s.large, vec2(a * a, 0));
  } else if (a < SMALL) {
    a *= SMALL_SCALE;
    s.small = pair_sum(s.small, vec2(a * a, 0));
  } else {
    s.middle = pair_sum(s.middle, vec2(a * a, 0));
  }
}

float root(Sums s) {
  if (s.wrong != 0) return uintBitsToFloat(s.wrong);
  // The ranges' sums in the scale of the largest; what leaves float32's range there does not count.
  if (s.large.x > 0) return pair_root(pair_sum(s.large, s.middle * LARGE_SCALE * LARGE_SCALE)) * LARGE_UNSCALE;
  if (s.middle.x > 0) return pair_root(pair_sum(s.middle, s.small * SMALL_UNSCALE * SMALL_UNSCALE));
  return pair_root(s.small) * SMALL_UNSCALE;
}

void main() {
  uint i = gl_LocalInvocationID.x;
  Sums s = Sums(vec2(0), vec2(0), vec2(0), 0);
  uint begin = gl_WorkGroupID.x * each, end = min(begin + each, n);
  for (uint at = begin + i; at < end; at += 256) {
    if (LAST) {
      s = join(s, partials.v[at]);
    } else {
      collect(s, grads.v[at]);
    }
  }
  all[i] = s;
  barrier();
  for (uint half_size = 128; half_size > 0; half_size /= 2) {
    if (i < half_size) all[i] = join(all[i], all[i + half_size]);
    barrier();
  }
  if (i != 0) return;
  if (LAST) {
    norm.v[0] = root(all[0]) * scalars.unscale;
  } else {
    partials.v[gl_WorkGroupID.x] = all[0];
  }
}
