#version 460
// column_sums: sums over rows, of bias_grad, rms_norm_weight_grad and magnitude_grad, in two dispatches: the
// first gives y[part, c] = Σ over the part's rows, the second, with LAST, y[c] += Σ of those.
//   TERMS 0: Σ x[r, c]
//   TERMS 1: Σ x[r, c]·dy[r, c]·rstd[r], a row being a group of a row
//   TERMS 2: Σ x[r, c]·dy[r, c]
// With MAGNITUDE the last sums are first multiplied by scalars.adapter/norm[c].
// Shapes: x, dy [R,C], rstd [R], norm [C], y [parts,C]; a part has `each` rows.
// Grid: ⌈C/64⌉ × parts. A workgroup does 64 columns of a part, 4 rows at a time. Reads the
// operands once.
#include "common.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint TERMS = 0;
layout(constant_id = 1) const bool LAST = false;
layout(constant_id = 2) const bool MAGNITUDE = false;

layout(push_constant, scalar) uniform Push {
  Floats x, dy, rstd, norm, y;
  Scalars scalars;
  uint R, C, each;
};

shared float sums[256];

void main() {
  uint i = gl_LocalInvocationID.x, c = gl_WorkGroupID.x * 64 + i % 64, part = gl_WorkGroupID.y;
  float sum = 0;
  if (c < C) {
    for (uint r = part * each + i / 64; r < min((part + 1) * each, R); r += 4) {
      float v = x.v[r * C + c];
      if (TERMS != 0) v *= dy.v[r * C + c];
      if (TERMS == 1) v *= rstd.v[r];
      sum += v;
    }
  }
  sums[i] = sum;
  barrier();
  if (i >= 64 || c >= C) return;
  sum = (sums[i] + sums[i + 64]) + (sums[i + 128] + sums[i + 192]);
  uint at = part * C + c;
  if (MAGNITUDE) sum *= scalars.adapter / norm.v[c];
  y.v[at] = LAST ? y.v[at] + sum : sum;
}
