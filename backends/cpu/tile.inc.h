// The register tile: C[MR, nv·VL] over K, and small products made of it.
// Everything that multiplies matrices ends here.

// How a tile reads A: unit (m, k) is a[m + k·s] (panels of columns, transposed
// matrices), a[m·s + k] (rows as they lie in memory), or of panels of rows, which
// are LINE units of each of MR rows after each other.
enum { BY_COLUMNS, BY_ROWS, BY_LINES, ORDERS };
enum { LINE = 16 };

// What a tile runs over: K units of A and of B [K, ldb].
typedef struct {
	int64_t k, s, ldb;
	const float *a, *b;
	int64_t ahead; // BY_COLUMNS: rows of B to ask memory for so early
} strip;

// acc[m, :] += Σ_k A(m, k)·b[k, :].
INLINE void accumulate(const int kind, const int rows, const int vectors, const int order, strip p, vf acc[MR][NV]) {
	while (p.k > 0) {
		int64_t part = order == BY_LINES ? le_min(LINE, p.k) : p.k;
		for (int64_t k = 0; k < part; k++) {
			vf bv[NV];
			UNROLLED
			for (int v = 0; v < vectors; v++)
				bv[v] = kind == HALVES ? from_bf16(widen((const uint16_t *)p.b + v * VL)) : ld(p.b + v * VL);
			if (order == BY_COLUMNS)
				UNROLLED
				for (int v = 0; v < vectors; v++)
					__builtin_prefetch(p.b + p.ahead + v * VL);
			UNROLLED
			for (int m = 0; m < rows; m++) {
				vf x = splat(order == BY_COLUMNS ? p.a[m] : order == BY_ROWS ? p.a[m * p.s] : p.a[m * LINE]);
				UNROLLED
				for (int v = 0; v < vectors; v++)
					acc[m][v] = kind == PAIRS ? dot_pairs(acc[m][v], x, bv[v]) : acc[m][v] + x * bv[v];
			}
			p.b = kind == HALVES ? (const float *)((const uint16_t *)p.b + p.ldb) : p.b + p.ldb;
			p.a += order == BY_COLUMNS ? p.s : 1;
		}
		p.a += (rows - 1) * LINE;
		p.k -= part;
	}
}

// How a tile's sums end in C: c = alpha·sums + bias, or that added to c.
typedef struct {
	float *c;
	int64_t ldc;
	const float *bias;
	float alpha;
	int add;
	const mask *drop; // of the low-rank part
	int64_t m, n;     // the tile's place, for its mask
} target;

// The sums of a tile begin with those of its adapter, low, which are masked
// before the rest is added. All sizes but k are constants after inlining, so that the sums stay in registers.
INLINE void tile(const int kind, const int rows, const int vectors, const int order, const strip *p, const strip *low, const target *t) {
	vf acc[MR][NV];
	UNROLLED
	for (int m = 0; m < rows; m++)
		UNROLLED
		for (int v = 0; v < vectors; v++)
			acc[m][v] = (vf){0};
	UNROLLED
	for (int m = 0; m < rows; m++)
		UNROLLED
		for (int v = 0; v < vectors; v++)
			__builtin_prefetch(t->c + m * t->ldc + v * VL, 1);
	if (low)
		accumulate(kind, rows, vectors, order, *low, acc);
	if (low && t->drop)
		UNROLLED
		for (int m = 0; m < rows; m++)
			UNROLLED
			for (int v = 0; v < vectors; v++)
				acc[m][v] = dropped(t->drop, t->drop->keys[t->m + m], t->n + v * VL, acc[m][v]);
	accumulate(kind, rows, vectors, order, *p, acc);
	if (t->alpha != 1)
		UNROLLED
		for (int m = 0; m < rows; m++)
			UNROLLED
			for (int v = 0; v < vectors; v++)
				acc[m][v] *= t->alpha;
	float *c = t->c;
	UNROLLED
	for (int m = 0; m < rows; m++, c += t->ldc) {
		UNROLLED
		for (int v = 0; v < vectors; v++) {
			vf r = acc[m][v];
			if (t->bias)
				r += ld(t->bias + v * VL);
			if (t->add)
				r += ld(c + v * VL);
			st(c + v * VL, r);
		}
	}
}

typedef void (*tile_fn)(const strip *p, const strip *low, const target *t);

#define TILE(name, kind, rows, vectors, order) \
	static void name(const strip *p, const strip *low, const target *t) { tile(kind, rows, vectors, order, p, low, t); }
#define TILES_OF(name, kind, rows, order)     \
	TILE(name##1, kind, rows, 1, order)       \
	TILE(name##2, kind, rows, 2, order)       \
	TILE(name##3, kind, rows, NV, order)      \
	static const tile_fn name[4] = {0, name##1, name##2, name##3};
TILES_OF(columns, FLOATS, MR, BY_COLUMNS)
TILES_OF(rows, FLOATS, MR, BY_ROWS)
TILES_OF(lines, FLOATS, MR, BY_LINES)
TILES_OF(single, FLOATS, 1, BY_ROWS)
#ifdef BF16_DOT
TILES_OF(pairs, PAIRS, MR, BY_LINES)
TILES_OF(pair_columns, PAIRS, MR, BY_COLUMNS)
TILES_OF(half_columns, HALVES, MR, BY_COLUMNS)
#else
#define pairs lines
#define pair_columns columns
#define half_columns columns
#endif

// By kind, order and vectors.
static const tile_fn *const TILES[3][ORDERS] = {{columns, rows, lines}, {pair_columns, 0, pairs}, {half_columns, 0, 0}};

// Vectors for the next tile where so many are left: 4 are 2 and 2, not 3 and 1.
INLINE int next_vectors(int64_t left) { return left > NV + 1 || left <= NV ? (int)le_min(left, NV) : (int)((NV + 1) / 2); }

// to[k, i] = scale·from[i, k] for i < n, zero for n ≤ i < width.
static void transpose(float *to, int64_t ldt, int64_t width, const float *from, int64_t ldf, int64_t n, int64_t k_count, float scale) {
	for (int64_t i0 = 0; i0 < width; i0 += VL) {
		int64_t k = 0;
		for (; i0 + VL <= n && k + VL <= k_count; k += VL) {
			vf r[VL];
			UNROLLED
			for (int i = 0; i < VL; i++)
				r[i] = scale * ld(from + (i0 + i) * ldf + k);
			transpose_vectors(r);
			UNROLLED
			for (int i = 0; i < VL; i++)
				st(to + (k + i) * ldt + i0, r[i]);
		}
		for (; k < k_count; k++)
			for (int64_t i = i0; i < le_min(i0 + VL, width); i++)
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
