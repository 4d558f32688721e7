// The register tile: C[MR, nv·VL] over K, and small products made of it.
// Everything that multiplies matrices ends here.

enum { NR = NV * VL };

// How a tile reads A: element (m, k) is a[m + k·s] (panels, transposed
// matrices) or a[m·s + k] (rows as they lie in memory).
enum { BY_COLUMNS, BY_ROWS };

// c[m, :] = Σ_k A(m, k)·b[k·ldb, :] + bias, or that added to c. All sizes but k
// are constants after inlining, so that the sums stay in registers.
INLINE void tile(const int rows, const int vectors, const int order, int64_t k_count, const float *a, int64_t s,
	const float *b, int64_t ldb, float *c, int64_t ldc, const float *bias, int add) {
	vf acc[MR][NV];
	UNROLLED
	for (int m = 0; m < rows; m++)
		UNROLLED
		for (int v = 0; v < vectors; v++)
			acc[m][v] = (vf){0};
	for (int64_t k = 0; k < k_count; k++) {
		vf bv[NV];
		UNROLLED
		for (int v = 0; v < vectors; v++)
			bv[v] = ld(b + v * VL);
		UNROLLED
		for (int m = 0; m < rows; m++) {
			vf x = splat(order == BY_COLUMNS ? a[m] : a[m * s]);
			UNROLLED
			for (int v = 0; v < vectors; v++)
				acc[m][v] += x * bv[v];
		}
		b += ldb;
		a += order == BY_COLUMNS ? s : 1;
	}
	UNROLLED
	for (int m = 0; m < rows; m++) {
		UNROLLED
		for (int v = 0; v < vectors; v++) {
			vf r = acc[m][v];
			if (bias)
				r += ld(bias + v * VL);
			if (add)
				r += ld(c + m * ldc + v * VL);
			st(c + m * ldc + v * VL, r);
		}
	}
}

typedef void (*tile_fn)(int64_t k, const float *a, int64_t s, const float *b, int64_t ldb, float *c, int64_t ldc,
	const float *bias, int add);

#define TILE(name, rows, vectors, order)                                                                      \
	static void name(int64_t k, const float *a, int64_t s, const float *b, int64_t ldb, float *c, int64_t ldc, \
		const float *bias, int add) {                                                                         \
		tile(rows, vectors, order, k, a, s, b, ldb, c, ldc, bias, add);                                       \
	}
TILE(tile_c1, MR, 1, BY_COLUMNS)
TILE(tile_c2, MR, 2, BY_COLUMNS)
TILE(tile_r1, MR, 1, BY_ROWS)
TILE(tile_r2, MR, 2, BY_ROWS)
TILE(tile_one1, 1, 1, BY_ROWS)
TILE(tile_one2, 1, 2, BY_ROWS)
#if NV == 3
TILE(tile_c3, MR, 3, BY_COLUMNS)
TILE(tile_r3, MR, 3, BY_ROWS)
TILE(tile_one3, 1, 3, BY_ROWS)
#endif

// By order, then by vectors; a single row of BY_COLUMNS is read by the caller.
static const tile_fn TILES[2][NV + 1] = {
#if NV == 3
	{0, tile_c1, tile_c2, tile_c3},
	{0, tile_r1, tile_r2, tile_r3},
#else
	{0, tile_c1, tile_c2},
	{0, tile_r1, tile_r2},
#endif
};
static const tile_fn ROW_TILES[NV + 1] = {
#if NV == 3
	0, tile_one1, tile_one2, tile_one3
#else
	0, tile_one1, tile_one2
#endif
};

// Vectors for the next tile where so many are left: 4 are 2 and 2, not 3 and 1.
INLINE int next_vectors(int64_t left) { return left > NV + 1 || left <= NV ? (int)le_min(left, NV) : (int)((NV + 1) / 2); }

// c[m, n] = A·b or that added, where m is a multiple of MR, n one of VL, and
// all operands lie in padded working memory.
static void small_product(int order, int64_t m, int64_t n, int64_t k, const float *a, int64_t s, const float *b, int64_t ldb,
	float *c, int64_t ldc, int add) {
	int64_t row = order == BY_ROWS ? s : 1;
	for (int64_t j = 0; j < n;) {
		int v = next_vectors((n - j) / VL);
		tile_fn f = TILES[order][v];
		for (int64_t i = 0; i < m; i += MR)
			f(k, a + i * row, s, b + j, ldb, c + i * ldc + j, ldc, NULL, add);
		j += v * VL;
	}
}

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_any __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t v4i __attribute__((vector_size(16)));
#if defined(__clang__)
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shuffle(a, b, (v4i){i, j, k, l})
#endif

INLINE void transpose_4x4(float *to, int64_t ldt, const float *from, int64_t ldf, v4 scale) {
	v4 r0 = *(const v4_any *)from, r1 = *(const v4_any *)(from + ldf);
	v4 r2 = *(const v4_any *)(from + 2 * ldf), r3 = *(const v4_any *)(from + 3 * ldf);
	v4 a = SHUFFLE4(r0, r1, 0, 4, 1, 5), b = SHUFFLE4(r0, r1, 2, 6, 3, 7);
	v4 c = SHUFFLE4(r2, r3, 0, 4, 1, 5), d = SHUFFLE4(r2, r3, 2, 6, 3, 7);
	*(v4_any *)to = scale * SHUFFLE4(a, c, 0, 1, 4, 5);
	*(v4_any *)(to + ldt) = scale * SHUFFLE4(a, c, 2, 3, 6, 7);
	*(v4_any *)(to + 2 * ldt) = scale * SHUFFLE4(b, d, 0, 1, 4, 5);
	*(v4_any *)(to + 3 * ldt) = scale * SHUFFLE4(b, d, 2, 3, 6, 7);
}

// to[k, i] = scale·from[i, k] for i < n, zero for n ≤ i < width; 16 columns of
// the source, a cache line of each row, at a time.
static void transpose(float *to, int64_t ldt, int64_t width, const float *from, int64_t ldf, int64_t n, int64_t k_count, float scale) {
	v4 s = {scale, scale, scale, scale};
	for (int64_t k0 = 0; k0 < k_count; k0 += 16) {
		int64_t k1 = le_min(k0 + 16, k_count), k4 = k0 + (k1 - k0) / 4 * 4;
		int64_t i = 0;
		for (; i + 4 <= n; i += 4) {
			for (int64_t k = k0; k < k4; k += 4)
				transpose_4x4(to + k * ldt + i, ldt, from + i * ldf + k, ldf, s);
			for (int64_t k = k4; k < k1; k++)
				for (int j = 0; j < 4; j++)
					to[k * ldt + i + j] = scale * from[(i + j) * ldf + k];
		}
		for (; i < width; i++)
			for (int64_t k = k0; k < k1; k++)
				to[k * ldt + i] = i < n ? scale * from[i * ldf + k] : 0;
	}
}

// to[r, :] = scale·from[r, :] for r < rows, zero beyond rows and cols up to
// [all_rows, ldt].
static void copy_padded(float *to, int64_t ldt, int64_t all_rows, const float *from, int64_t ldf, int64_t rows, int64_t cols, float scale) {
	for (int64_t r = 0; r < all_rows; r++) {
		int64_t n = r < rows ? cols : 0;
		for (int64_t j = 0; j < n; j++)
			to[r * ldt + j] = scale * from[r * ldf + j];
		for (int64_t j = n; j < ldt; j++)
			to[r * ldt + j] = 0;
	}
}
