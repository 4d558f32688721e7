// Reading matrices of any dtype as floats, and packing them for the tile.

// A factor of a product, by its own rows: element (r, c) of a matrix whose rows
// are cols elements long.
typedef struct {
	const void *p;
	int dtype;
	int64_t rows, cols;
	const le_engine *e;
} factor;

static factor factor_of(const le_engine *e, const le_mat *m) {
	return (factor){m->p, m->dtype, m->rows, m->cols, e};
}

typedef uint8_t vb_any __attribute__((vector_size(VL), aligned(1), may_alias));

INLINE vu widen(const uint16_t *p) { return __builtin_convertvector(*(const vh_any *)p, vu); }
INLINE vf from_bf16(vu h) { return (vf)(h << 16); }
// The half's exponent and fraction as a float's, times 2¹¹²; infinities and NaN
// get the float's largest exponent.
INLINE vf from_f16(vu h) {
	vu m = (h & 0x7fffu) << 13;
	vf x = (vf)m * 0x1p112f;
	x = pick((vi)(m >= splat_u(0x7c00u << 13)), (vf)(m | 0x7f800000u), x);
	return (vf)((vu)x | (h & 0x8000u) << 16);
}
INLINE float one_bf16(uint16_t h) { return from_bf16(splat_u(h))[0]; }
INLINE float one_f16(uint16_t h) { return from_f16(splat_u(h))[0]; }

// The scale of block b of a matrix of NF4.
INLINE float nf4_scale(const factor *f, int64_t b) {
	int64_t n = f->rows * f->cols, blocks = n / LE_BLOCK;
	const uint8_t *p = (const uint8_t *)f->p + n / 2;
	if (f->dtype == LE_NF4)
		return ((const float *)p)[b];
	const float *nested = (const float *)(p + le_round(blocks, 4)), *offset = nested + le_div(blocks, LE_NESTED_BLOCK);
	return f->e->dynamic[p[b]] * nested[b / LE_NESTED_BLOCK] + *offset;
}

// VL values of the table by codes below 16.
INLINE vf nf4_values(const float *table, vu codes) {
#if VL == 16 && !defined(__clang__)
	return __builtin_shuffle(ld(table), (vi)codes);
#elif VL == 8 && !defined(__clang__)
	vf low = __builtin_shuffle(ld(table), (vi)codes), high = __builtin_shuffle(ld(table + 8), (vi)codes);
	return pick((vi)(codes >= splat_u(8)), high, low);
#else
	vf x;
	for (int i = 0; i < VL; i++)
		x[i] = table[codes[i]];
	return x;
#endif
}

// n elements from element at on, where both are multiples of VL.
static void decode_nf4(const factor *f, int64_t at, int64_t n, float *to) {
	const uint8_t *codes = (const uint8_t *)f->p + at / 2;
	while (n > 0) {
		int64_t part = le_min(LE_BLOCK - at % LE_BLOCK, n);
		float scale = nf4_scale(f, at / LE_BLOCK);
		int64_t i = 0;
		for (; i + 2 * VL <= part; i += 2 * VL) {
			vu byte = __builtin_convertvector(*(const vb_any *)(codes + i / 2), vu);
			vf even = nf4_values(f->e->normal_float, byte >> 4), odd = nf4_values(f->e->normal_float, byte & 15u);
			st(to + i, scale * zip_low(even, odd));
			st(to + i + VL, scale * zip_high(even, odd));
		}
		for (; i < part; i++)
			to[i] = scale * f->e->normal_float[codes[i / 2] >> (i % 2 ? 0 : 4) & 15];
		at += part, n -= part, to += part, codes += part / 2;
	}
}

// n elements of a row from column on as floats.
static void decode(const factor *f, int64_t row, int64_t column, int64_t n, float *to) {
	int64_t at = row * f->cols + column, i = 0;
	const uint16_t *h = (const uint16_t *)f->p + at;
	switch (f->dtype) {
	case LE_F32:
		memcpy(to, (const float *)f->p + at, (size_t)n * sizeof(float));
		return;
	case LE_BF16:
		for (; i + VL <= n; i += VL)
			st(to + i, from_bf16(widen(h + i)));
		for (; i < n; i++)
			to[i] = one_bf16(h[i]);
		return;
	case LE_F16:
		for (; i + VL <= n; i += VL)
			st(to + i, from_f16(widen(h + i)));
		for (; i < n; i++)
			to[i] = one_f16(h[i]);
		return;
	default:
		decode_nf4(f, at, n, to);
	}
}

// n elements of an activation from element at on as floats.
INLINE void floats_of(const float *p, int dtype, int64_t at, int64_t n, float *to) {
	factor f = {p, dtype, 1, 0, NULL};
	decode(&f, 0, at, n, to);
}

// What a tile multiplies: floats, or pairs of bfloat16 of neighbouring k, which
// a 32-bit element holds, the lower k in its lower half. K counts these units. With HALVES
// B is of bfloat16 as it lies in memory, and floats are multiplied.
enum { FLOATS, PAIRS, HALVES };
INLINE int64_t units_of(int kind, int64_t k) { return kind == PAIRS ? le_div(k, 2) : k; }

#ifdef BF16_DOT
// 2·VL floats as VL units.
INLINE vf pairs_in_row(vf first, vf second) { return (vf)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first); }
// Units of two rows.
INLINE vf pairs_of_rows(vf low, vf high) {
	const __m512i zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4,
		19, 3, 18, 2, 17, 1, 16, 0);
	return (vf)_mm512_permutexvar_epi16(zip, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}
INLINE vf dot_pairs(vf sum, vf a, vf b) { return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }
#else
INLINE vf pairs_in_row(vf first, vf second) { return first + second; }
INLINE vf pairs_of_rows(vf low, vf high) { return low + high; }
INLINE vf dot_pairs(vf sum, vf a, vf b) { return sum + a * b; }
#endif

// n floats as units, zeros after them up to whole vectors.
INLINE void row_units(const int kind, const float *from, int64_t n, float *to) {
	if (kind == FLOATS) {
		for (int64_t j = 0; j < n; j += VL)
			st(to + j, ld_to(from + j, n - j));
		return;
	}
	for (int64_t j = 0; j < n; j += 2 * VL)
		st(to + j / 2, pairs_in_row(ld_to(from + j, n - j), n - j > VL ? ld_to(from + j + VL, n - j - VL) : (vf){0}));
}

// n bfloat16 as units, zeros after them up to whole vectors.
INLINE void bf16_units(const uint16_t *from, int64_t n, float *to) {
	int64_t j = 0;
	for (; j + 2 * VL <= n; j += 2 * VL)
		st(to + j / 2, ld((const float *)(from + j)));
	if (j < n) {
		uint16_t rest[2 * VL] = {0};
		memcpy(rest, from + j, (size_t)(n - j) * sizeof *rest);
		st(to + j / 2, ld((const float *)rest));
	}
}
// Units of VL columns of two rows of bfloat16.
INLINE vf bf16_pairs(const uint16_t *low, const uint16_t *high) { return (vf)(widen(low) | widen(high) << 16); }

enum { DECODED = 128 }; // elements of a row that are decoded at a time: whole blocks of NF4

// Panel columns from rows of the factor: to[k·width + i] is unit k of row
// first + i, for k of [k0, k1) in elements, k0 a multiple of DECODED; rows beyond
// the factor's are zero.
static void pack_rows(const int kind, const factor *f, int64_t first, int64_t k0, int64_t k1, int64_t width, float *to) {
	int direct = kind == FLOATS ? f->dtype == LE_F32 : f->dtype == LE_BF16 && f->cols % 2 == 0;
	int64_t step = kind == PAIRS ? 2 : 1; // elements of a unit
	for (int64_t i0 = 0; i0 < width; i0 += VL)
		for (int64_t k = k0; k < k1; k += DECODED) {
			int64_t n = le_min(DECODED, k1 - k), rows = le_min(VL, f->rows - first - i0);
			float block[VL][DECODED], line[DECODED];
			const float *from[VL];
			for (int64_t i = 0; i < VL; i++) {
				int64_t at = (first + i0 + i) * f->cols + k;
				from[i] = block[i];
				if (i >= rows)
					memset(block[i], 0, sizeof block[i]);
				else if (direct && n == DECODED)
					from[i] = kind == FLOATS ? (const float *)f->p + at : (const float *)((const uint16_t *)f->p + at);
				else if (kind == FLOATS)
					decode(f, first + i0 + i, k, n, block[i]);
				else
					decode(f, first + i0 + i, k, n, line), row_units(PAIRS, line, n, block[i]);
			}
			int64_t units = units_of(kind, n);
			float *out = to + (k - k0) / step * width + i0;
			for (int64_t j = 0; j < units; j += VL) {
				vf r[VL];
				UNROLLED
				for (int i = 0; i < VL; i++)
					r[i] = ld(from[i] + j);
				transpose_vectors(r);
				if (j + VL <= units) {
					UNROLLED
					for (int i = 0; i < VL; i++)
						st(out + (j + i) * width, r[i]);
				} else {
					for (int i = 0; i < VL; i++)
						if (j + i < units)
							st(out + (j + i) * width, r[i]);
				}
			}
		}
}

// Panel columns from columns of the factor: to[k·width + i] is element or pair
// k of column first + i, a multiple of VL; columns beyond the factor's are zero.
static void pack_columns(const int kind, const factor *f, int64_t first, int64_t k0, int64_t k1, int64_t width, float *to) {
	int64_t n = le_min(width, f->cols - first);
	float low[NR], high[NR];
	if (kind == FLOATS) {
		for (int64_t k = k0; k < k1; k++, to += width) {
			if (f->dtype == LE_F32) {
				const float *from = (const float *)f->p + k * f->cols + first;
				for (int64_t j = 0; j < width; j += VL)
					st(to + j, n - j >= VL ? ld(from + j) : n > j ? ld_some(from + j, n - j) : (vf){0});
				continue;
			}
			decode(f, k, first, n, to);
			for (int64_t j = n; j < width; j++)
				to[j] = 0;
		}
		return;
	}
	memset(low, 0, sizeof low);
	memset(high, 0, sizeof high);
	for (int64_t k = k0; k < k1; k += 2, to += width) {
#ifdef BF16_DOT
		if (f->dtype == LE_BF16 && n == width && k + 1 < k1) {
			const uint16_t *a = (const uint16_t *)f->p + k * f->cols + first, *b = a + f->cols;
			for (int64_t j = 0; j < width; j += VL)
				st(to + j, (vf)(widen(a + j) | widen(b + j) << 16));
			continue;
		}
#endif
		const float *rows[2] = {low, high};
		if (f->dtype == LE_F32 && n == width && k + 1 < k1) {
			rows[0] = (const float *)f->p + k * f->cols + first;
			rows[1] = rows[0] + f->cols;
		} else {
			decode(f, k, first, n, low);
			if (k + 1 < k1)
				decode(f, k + 1, first, n, high);
			else
				memset(high, 0, sizeof high);
		}
		for (int64_t j = 0; j < width; j += VL)
			st(to + j, pairs_of_rows(ld(rows[0] + j), ld(rows[1] + j)));
	}
}
