// Functions that GLSL lacks, or that a device may compute less exactly than
// training needs: Vulkan allows exp 3 + 2·|x| units in the last place, log an
// error of 2^-21, and tanh infinity where its answer is 1. These use additions,
// multiplications and bits alone, and are within a few units on every device.

// finite looks at the bits, since a device may compute as if there were no NaN.
bool finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

// exp_of is e^x; 0 below float32's smallest normal number, NaN of NaN.
float exp_of(float x) {
  if (x < -87.336) return 0.0;
  float k = clamp(roundEven(x * 1.44269504), -126.0, 128.0);
  // ln 2 in two parts, of which the first has few enough bits for k·0.693359375 to be exact.
  float r = x - k * 0.693359375 + k * 2.12194440e-4;
  float p = 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  // 2^128 is no float32: half of it goes apart.
  return p * 2.0 * uintBitsToFloat(uint(int(k) + 126) << 23);
}

// log_of is the natural logarithm of a normal positive number, infinity or NaN, by
// ln m = 2·artanh((m−1)/(m+1)) of its mantissa m in [√½, √2).
float log_of(float x) {
  if (!finite(x)) return x;
  uint bits = floatBitsToUint(x);
  int e = int((bits - 0x3f3504f3u) & 0xff800000u) >> 23;
  float m = uintBitsToFloat(bits - (uint(e) << 23));
  float f = (m - 1.0) / (m + 1.0), s = f * f;
  float p = 2.0 / 9;
  p = p * s + 2.0 / 7;
  p = p * s + 2.0 / 5;
  p = p * s + 2.0 / 3;
  return float(e) * 0.693359375 + (f * s * p + (2.0 * f - float(e) * 2.12194440e-4));
}

// tanh_of is exact for small x too, where 1 − 2/(e²ˣ+1) cancels: there it is
// Taylor's series.
float tanh_of(float x) {
  float a = abs(x), s = x * x;
  if (a < 0.35) {
    float p = -1382.0 / 155925;
    p = p * s + 62.0 / 2835;
    p = p * s - 17.0 / 315;
    p = p * s + 2.0 / 15;
    p = p * s - 1.0 / 3;
    return x + x * s * p;
  }
  float v = a > 20 ? 1.0 : 1.0 - 2.0 / (exp_of(2.0 * a) + 1.0);
  return x < 0 ? -v : v;
}

// erf_of has an absolute error of 2e-7. Both polynomials are Chebyshev fits:
// of erf(x)/x by x², and beyond 1 of e^(x²)·erfc(x) by 1/(1 + x/2).
float erf_of(float x) {
  float a = min(abs(x), 4.2);
  if (a < 1) {
    float s = x * x, p = -9.6735917e-6;
    p = p * s + 1.12682540e-4;
    p = p * s - 8.48439656e-4;
    p = p * s + 5.22105341e-3;
    p = p * s - 2.68654383e-2;
    p = p * s + 0.112837826;
    p = p * s - 0.376126385;
    p = p * s + 1.12837917;
    return x * p;
  }
  float t = 1.0 / (1.0 + 0.5 * a), p = 0.119259047;
  p = p * t - 0.470881785;
  p = p * t + 0.562773110;
  p = p * t - 0.103172633;
  p = p * t + 0.347565026;
  p = p * t + 0.259765812;
  p = p * t + 0.284898212;
  p = p * t - 1.53064798e-4;
  float v = 1.0 - exp_of(-a * a) * p;
  return x < 0 ? -v : v;
}
