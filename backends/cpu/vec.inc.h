// Vectors of VL floats and the functions of them. Stamped per instruction set:
// VL, MR and NV are the including file's.

enum { NR = NV * VL };

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef float vf_any __attribute__((vector_size(4 * VL), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

// Unrolls the loop that follows, whose count is a constant after inlining.
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

INLINE vf ld(const float *p) { return *(const vf_any *)p; }
INLINE void st(float *p, vf v) { *(vf_any *)p = v; }
INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vi splat_i(int32_t x) { return x + (vi){0}; }
INLINE vu splat_u(uint32_t x) { return x + (vu){0}; }
INLINE vf pick(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
#ifdef AVX512
INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
#else
INLINE vf vmax(vf a, vf b) { return pick(a > b, a, b); }
#endif
INLINE vf vabs(vf a) { return (vf)((vi)a & 0x7fffffff); }

// SHUFFLE(a, b, LIST) has lane i of lanes LIST(i) of a and, from VL on, of b.
#if VL == 16
#define EACH_LANE(f, x) f(x, 0), f(x, 1), f(x, 2), f(x, 3), f(x, 4), f(x, 5), f(x, 6), f(x, 7), f(x, 8), f(x, 9), f(x, 10), \
	f(x, 11), f(x, 12), f(x, 13), f(x, 14), f(x, 15)
#elif VL == 8
#define EACH_LANE(f, x) f(x, 0), f(x, 1), f(x, 2), f(x, 3), f(x, 4), f(x, 5), f(x, 6), f(x, 7)
#else
#define EACH_LANE(f, x) f(x, 0), f(x, 1), f(x, 2), f(x, 3)
#endif
#if defined(__clang__)
#define SHUFFLE(a, b, f, x) __builtin_shufflevector(a, b, EACH_LANE(f, x))
#else
#define SHUFFLE(a, b, f, x) __builtin_shuffle(a, b, (vi){EACH_LANE(f, x)})
#endif

// Bit n of the lane's number is exchanged for "from a or b": doing this for
// each bit transposes VL vectors.
#define EXCHANGED_LOW(n, i) ((i) & (n) ? VL + (i) - (n) : (i))
#define EXCHANGED_HIGH(n, i) ((i) & (n) ? VL + (i) : (i) + (n))
#define EXCHANGE(n)                                          \
	if (VL > n)                                              \
		UNROLLED                                             \
		for (int i = 0; i < VL; i++)                         \
			if (!(i & (n))) {                                \
				vf x = r[i], y = r[i + ((n) & (VL - 1))];    \
				r[i] = SHUFFLE(x, y, EXCHANGED_LOW, n);      \
				r[i + ((n) & (VL - 1))] = SHUFFLE(x, y, EXCHANGED_HIGH, n); \
			}
INLINE void transpose_vectors(vf r[VL]) {
	EXCHANGE(1)
	EXCHANGE(2)
#if VL > 4
	EXCHANGE(4)
#endif
#if VL > 8
	EXCHANGE(8)
#endif
}

// The lanes of a and b in turn.
#define ZIPPED_LOW(n, i) ((i) / 2 + ((i) & 1 ? VL : 0))
#define ZIPPED_HIGH(n, i) ((n) / 2 + (i) / 2 + ((i) & 1 ? VL : 0))
INLINE vf zip_low(vf a, vf b) { return SHUFFLE(a, b, ZIPPED_LOW, VL); }
INLINE vf zip_high(vf a, vf b) { return SHUFFLE(a, b, ZIPPED_HIGH, VL); }

// The first n < VL elements, zeros after them.
INLINE vf ld_some(const float *p, int64_t n) {
	vf v = {0};
	for (int64_t i = 0; i < n; i++)
		v[i] = p[i];
	return v;
}
INLINE void st_some(float *p, vf v, int64_t n) {
	for (int64_t i = 0; i < n; i++)
		p[i] = v[i];
}
// Up to VL of the n elements that are left.
INLINE vf ld_to(const float *p, int64_t n) { return n >= VL ? ld(p) : ld_some(p, n); }
INLINE void st_to(float *p, vf v, int64_t n) {
	if (n >= VL)
		st(p, v);
	else
		st_some(p, v, n);
}

// Up to VL of the n elements that are left, rounded to bfloat16: to the nearest, of two to the even.
typedef uint16_t vh_any __attribute__((vector_size(2 * VL), aligned(2), may_alias));
INLINE void st_bf16_to(uint16_t *p, vf x, int64_t n) {
#ifdef BF16_DOT
	if (n >= VL) {
		_mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh((__m512)x));
		return;
	}
#endif
	vu u = (vu)x, r = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
	r = (vu)pick((vi)(x != x), (vf)(u >> 16 | 0x40u), (vf)r);
	if (n >= VL)
		*(vh_any *)p = __builtin_convertvector(r, vh_any);
	else
		for (int64_t i = 0; i < n; i++)
			p[i] = (uint16_t)r[i];
}

INLINE vi lanes(void) {
	vi v;
	for (int i = 0; i < VL; i++)
		v[i] = i;
	return v;
}

// Sum and maximum over the lanes, in pairs.
#ifdef AVX512
INLINE float sum_of(vf v) { return _mm512_reduce_add_ps((__m512)v); }
INLINE float max_of(vf v) { return _mm512_reduce_max_ps((__m512)v); }
#else
INLINE float sum_of(vf v) {
	float t[VL];
	st(t, v);
	for (int n = VL / 2; n; n /= 2)
		for (int i = 0; i < n; i++)
			t[i] += t[i + n];
	return t[0];
}
INLINE float max_of(vf v) {
	float t[VL];
	st(t, v);
	for (int n = VL / 2; n; n /= 2)
		for (int i = 0; i < n; i++)
			t[i] = t[i] > t[i + n] ? t[i] : t[i + n];
	return t[0];
}
#endif

// exp: x = n·ln 2 + r with |r| ≤ ln 2 / 2 (ln 2 in two parts), a polynomial of
// degree 6 for exp(r) (Cephes, expf), and 2ⁿ as two factors so that results
// over- and underflow as they should. Below 2 ulp for normal results.
INLINE vf vexp(vf x) {
	const vf low = splat(-104.0f), high = splat(89.0f);
#ifdef AVX512
	x = (vf)_mm512_min_ps((__m512)high, _mm512_max_ps((__m512)low, (__m512)x)); // NaN stays
	vf n = (vf)_mm512_roundscale_ps((__m512)(x * 1.44269504088896341f), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
	const vf round = splat(12582912.0f); // 1.5·2²³
	x = pick(x < low, low, x);
	x = pick(x > high, high, x);
	vf t = x * 1.44269504088896341f + round;
	vf n = t - round;
	vi e = (vi)t - (vi)round;
#endif
	vf r = x - n * 0.693359375f;
	r = r - n * -2.12194440e-4f;
	vf p = splat(1.9875691500e-4f);
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * (r * r) + r + 1.0f;
#ifdef AVX512
	return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
	vi half = e >> 1;
	return p * (vf)((half + 127) << 23) * (vf)((e - half + 127) << 23);
#endif
}

// tanh (Cephes, tanhf): an odd polynomial below 0.625, 1 − 2/(exp 2x + 1) above.
INLINE vf vtanh(vf x) {
	vf a = vabs(x), z = x * x;
	vf p = splat(-5.70498872745e-3f);
	p = p * z + 2.06390887954e-2f;
	p = p * z + -5.37397155531e-2f;
	p = p * z + 1.33314422036e-1f;
	p = p * z + -3.33332819422e-1f;
	p = p * z * x + x;
	vf big = 1.0f - 2.0f / (vexp(a + a) + 1.0f);
	big = (vf)((vi)big | ((vi)x & (int32_t)0x80000000));
	return pick(a < splat(0.625f), p, big);
}

INLINE vf verf(vf x) {
	vf y;
	for (int i = 0; i < VL; i++)
		y[i] = erff(x[i]);
	return y;
}

INLINE vu vmix(vu x) {
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

// Dropout of a matrix: a key for each of its rows, NULL for none, and the hash
// of each column; both may be read up to a whole tile beyond the matrix.
typedef struct {
	const uint32_t *keys, *columns;
	uint32_t threshold;
	float keep;
} mask;

// x·keep where the hash of the row's key and the column reaches the threshold,
// else 0, for VL columns.
INLINE vf dropped(const mask *d, uint32_t key, int64_t column, vf x) {
	vu h = vmix(splat_u(key) ^ (vu)ld((const float *)d->columns + column));
	return (vf)((vi)(x * d->keep) & (vi)(h >= splat_u(d->threshold)));
}
// n elements of row r from column on.
static void drop_row(const mask *of, float *to, const float *from, int64_t n, int64_t r, int64_t column) {
	const mask d = *of; // apart from what is written
	const uint32_t key = d.keys[r];
	int64_t j = 0;
	for (; j + VL <= n; j += VL)
		st(to + j, dropped(&d, key, column + j, ld(from + j)));
	if (j < n)
		st_some(to + j, dropped(&d, key, column + j, ld_some(from + j, n - j)), n - j);
}

// Σ a·b over n elements, in VL·4 interleaved sums.
static float dot(const float *a, const float *b, int64_t n) {
	vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	int64_t i = 0;
	for (; i + 4 * VL <= n; i += 4 * VL) {
		s0 += ld(a + i) * ld(b + i);
		s1 += ld(a + i + VL) * ld(b + i + VL);
		s2 += ld(a + i + 2 * VL) * ld(b + i + 2 * VL);
		s3 += ld(a + i + 3 * VL) * ld(b + i + 3 * VL);
	}
	for (; i + VL <= n; i += VL)
		s0 += ld(a + i) * ld(b + i);
	float sum = sum_of((s0 + s1) + (s2 + s3));
	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}
