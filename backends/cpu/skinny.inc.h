// Products with a narrow side read their large operand where it lies; few rows
// against rows of a weight (decoding) are dot products.

enum {
	FEW_ROWS = 8,         // dot products up to here
	NARROW = 64,          // a narrow side has at most this
	ROW_STEP = 8 * MR,    // rows of a task of a narrow product
	LONG_K_BLOCK = 2048,  // whole rows of most models, read from their beginning to their end
};

INLINE int64_t narrow_width(const product *p) { return le_min(NR, le_round(p->n, VL)); }

// Up to MR rows of A by NR columns of packed B.
static void narrow_tiles(const product *p, view a, int64_t m, int64_t rows, int64_t n, int64_t k_count, const float *b, const float *bias, int add) {
	int64_t width = narrow_width(p), cols = le_min(NR, p->n - n);
	if (rows == MR) {
		int order = a.cols == 1 ? BY_ROWS : BY_COLUMNS;
		strip part = {k_count, order == BY_ROWS ? a.rows : a.cols, width, a.p, b, 0};
		panel_tile(p, order, &part, NULL, m, n, MR, cols, bias, add);
		return;
	}
	for (int64_t i = 0; i < rows; i++) {
		float t[NR], row[LONG_K_BLOCK];
		for (int64_t k = 0; k < k_count; k++)
			row[k] = a.p[i * a.rows + k * a.cols];
		strip part = {k_count, 0, width, row, b, 0};
		target edge = {.c = t, .ldc = NR, .alpha = p->alpha};
		single[le_div(cols, VL)](&part, NULL, &edge);
		store_edge(p, t, m + i, n, 1, cols, bias, add);
	}
}

// Rows of bfloat16 as floats, LONG_K_BLOCK apart.
static void spread_rows(const view *a, int64_t rows, int64_t k_count, float *to) {
	for (int64_t i = 0; i < rows; i++, to += LONG_K_BLOCK)
		if (a->cols == 1)
			view_floats(a, i * a->rows, k_count, to);
		else
			for (int64_t k = 0; k < k_count; k++)
				view_floats(a, i * a->rows + k * a->cols, 1, to + k);
}

// Rows of a product with few columns: B is packed, A is read in place, or
// masked a block at a time.
static void narrow_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t m0 = task * ROW_STEP, m1 = le_min(m0 + ROW_STEP, p->m), width = narrow_width(p);
	for (int64_t k0 = 0; k0 < p->k; k0 += LONG_K_BLOCK) {
		int64_t kn = le_min(LONG_K_BLOCK, p->k - k0);
		int add = p->add || k0 > 0;
		const float *bias = k0 == 0 ? p->bias : NULL;
		for (int64_t m = m0; m < m1; m += MR) {
			view a = {element(&p->a, m * p->a.rows + k0 * p->a.cols), p->a.rows, p->a.cols, p->a.bf16};
			float *work = e->local[thread].p;
			if (a.bf16) {
				spread_rows(&a, le_min(MR, m1 - m), kn, work);
				a = (view){work, LONG_K_BLOCK, 1, 0};
			}
			if (p->drop_a.keys) {
				for (int64_t i = 0; i < le_min(MR, m1 - m); i++)
					drop_row(&p->drop_a, work + i * LONG_K_BLOCK, a.p + i * a.rows, kn, m + i, k0);
				a = (view){work, LONG_K_BLOCK, 1, 0};
			}
			for (int64_t n = 0; n < p->n; n += NR)
				narrow_tiles(p, a, m, le_min(MR, m1 - m), n, kn, p->pb + n * p->k + k0 * width, bias, add);
		}
	}
}

static void pack_narrow_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	pack_b(p, 0, p->k, task * NR, narrow_width(p), p->pb + task * NR * p->k);
}

static int narrow_product(le_engine *e, product *p) {
	p->pb = le_shared(e, LE_SHARED_B, le_round(p->n, NR) * p->k * 4);
	if (!p->pb || ((p->drop_a.keys || p->a.bf16) && !le_locals(e, MR * LONG_K_BLOCK * 4)))
		return 1;
	void *context[] = {p, e};
	le_pool_spread(e->pool, le_div(p->n, NR), pack_narrow_task, context);
	le_pool_spread(e->pool, le_div(p->m, ROW_STEP), narrow_task, context);
	return 0;
}

// A product with few rows, C = A·B, or its transpose C = (A·B)ᵀ. A task has
// SPAN columns of B, whose rows it reads once, as they lie or through a copy.
typedef struct {
	product *p;
	le_engine *e;
	int transposed;
	int64_t span, a_step, a_panel; // of A: from k to k + 1, and from MR rows to the next
} flat;

enum { FLAT_K = 128, SPAN = 4 * NR, AHEAD = 16 };

INLINE int64_t flat_floats(int64_t m) { return 2 * le_round(m, MR) * SPAN + FLAT_K * NR; }

// Adds sums [m, SPAN] to what C has.
static void store_flat(const flat *f, const float *sums, float *work, int64_t n, int64_t cols) {
	const product *p = f->p;
	int64_t rows = f->transposed ? cols : p->m, width = f->transposed ? p->m : cols, ld_from = SPAN;
	if (f->transposed) {
		ld_from = le_round(p->m, VL);
		transpose(work, ld_from, p->m, sums, SPAN, p->m, cols, 1);
		sums = work;
	}
	for (int64_t i = 0; i < rows; i++) {
		float *c = p->c + (f->transposed ? (n + i) * p->ldc : i * p->ldc + n);
		for (int64_t j = 0; j < width; j++) {
			float x = p->alpha * sums[i * ld_from + j] + (p->bias ? p->bias[n + j] : 0);
			c[j] = p->add ? c[j] + x : x;
		}
	}
}

// Rows of at most NR columns of B, with its mask.
static void copy_part(const product *p, int64_t k0, int64_t count, int64_t n, int64_t cols, float *to) {
	for (int64_t k = k0; k < k0 + count; k++, to += NR) {
		decode(&p->b, k, n, cols, to);
		for (int64_t j = cols; j < le_round(cols, VL); j++)
			to[j] = 0;
		if (p->drop_b.keys)
			drop_row(&p->drop_b, to, to, cols, k, n);
	}
}

// Whether a tile reads a B of this type where it lies.
INLINE int multiplies_halves(int dtype) {
#ifdef BF16_DOT
	return dtype == LE_BF16;
#else
	(void)dtype;
	return 0;
#endif
}

static void flat_task(void *context, int64_t task, int thread) {
	const flat *f = context;
	const product *p = f->p;
	int64_t n = task * f->span, cols = le_min(f->span, p->n - n), rows = le_round(p->m, MR);
	float *sums = f->e->local[thread].p, *work = sums + rows * SPAN, *copy = work + rows * SPAN;
	int copied = p->drop_b.keys || cols % VL != 0 || !(p->b.dtype == LE_F32 || multiplies_halves(p->b.dtype));
	int kind = !copied && p->b.dtype == LE_BF16 ? HALVES : FLOATS;
	for (int64_t k0 = 0; k0 < p->k; k0 += FLAT_K) {
		int64_t kn = le_min(FLAT_K, p->k - k0), ldb = p->b.cols;
		for (int64_t j = 0; j < cols;) {
			int v = next_vectors(le_div(cols - j, VL));
			view b = {p->b.p, ldb, 1, kind == HALVES};
			strip part = {kn, f->a_step, ldb, NULL, element(&b, k0 * ldb + n + j), 0};
			if (copied) {
				copy_part(p, k0, kn, n + j, le_min(v * VL, cols - j), copy);
				part.b = copy, part.ldb = NR;
			}
			for (int64_t m = 0; m < rows; m += MR) {
				part.a = p->pa + m / MR * f->a_panel + k0 * f->a_step;
				part.ahead = m == 0 && !copied ? AHEAD * ldb : 0;
				target t = {.c = sums + m * SPAN + j, .ldc = SPAN, .alpha = 1, .add = k0 > 0};
				TILES[kind][BY_COLUMNS][v](&part, NULL, &t);
			}
			j += v * VL;
		}
	}
	store_flat(f, sums, work, n, cols);
}

static void pack_flat_task(void *context, int64_t task, int thread) {
	(void)thread;
	const flat *f = context;
	const product *p = f->p;
	int64_t k0 = task * FLAT_K, kn = le_min(FLAT_K, p->k - k0);
	for (int64_t m = 0; m < p->m; m += MR) {
		int64_t rows = le_min(MR, p->m - m);
		float *to = p->pa + m * p->k + k0 * MR;
		if (p->a.cols != 1) {
			copy_columns(&p->a, m + k0 * p->a.cols, kn, rows, to);
		} else if (p->a.bf16) {
			float floats[MR][FLAT_K];
			for (int64_t i = 0; i < rows; i++)
				view_floats(&p->a, (m + i) * p->a.rows + k0, kn, floats[i]);
			transpose(to, MR, MR, floats[0], FLAT_K, rows, kn, 1);
		} else {
			transpose(to, MR, MR, p->a.p + m * p->a.rows + k0, p->a.rows, rows, kn, 1);
		}
	}
}

static int flat_product(le_engine *e, product *p, int transposed) {
	flat f = {p, e, transposed, le_min(SPAN, le_round(le_div(p->n, 4), NR)), MR, p->k * MR};
	if (!le_locals(e, flat_floats(p->m) * 4))
		return 1;
	if (p->a.rows == 1 && p->m % MR == 0 && !p->a.bf16) {
		p->pa = (float *)p->a.p, f.a_step = p->a.cols, f.a_panel = MR;
	} else {
		p->pa = le_shared(e, LE_SHARED_A, le_round(p->m, MR) * p->k * 4);
		if (!p->pa)
			return 1;
		le_pool_spread(e->pool, le_div(p->k, FLAT_K), pack_flat_task, &f);
	}
	le_pool_spread(e->pool, le_div(p->n, f.span), flat_task, &f);
	return 0;
}

// Cᵀ = Bᵀ·Aᵀ, where both factors are by columns and B is an activation.
static product transposed_of(const product *p) {
	product t = *p;
	t.m = p->n, t.n = p->m;
	t.a = (view){p->b.p, 1, p->b.cols, p->b.dtype == LE_BF16};
	t.b = (factor){p->a.p, p->a.bf16 ? LE_BF16 : LE_F32, p->k, p->a.cols, p->b.e};
	return t;
}

enum { DOT_COLUMNS = 16, DOT_ELEMENTS = 1024 };

// Few rows of A against rows of a weight, which is read once.
static void dot_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	float decoded[DOT_ELEMENTS], sums[FEW_ROWS];
	for (int64_t n = task * DOT_COLUMNS; n < le_min((task + 1) * DOT_COLUMNS, p->n); n++) {
		memset(sums, 0, sizeof sums);
		for (int64_t k = 0; k < p->k; k += DOT_ELEMENTS) {
			int64_t kn = le_min(DOT_ELEMENTS, p->k - k);
			const float *row = (const float *)p->b.p + n * p->b.cols + k;
			if (p->b.dtype != LE_F32) {
				decode(&p->b, n, k, kn, decoded);
				row = decoded;
			}
			for (int64_t m = 0; m < p->m; m++)
				sums[m] += dot(p->pa + m * p->k + k, row, kn);
		}
		for (int64_t m = 0; m < p->m; m++) {
			float x = p->alpha * sums[m];
			if (p->k2)
				x += p->alpha2 * dot(p->pa2 + m * p->k2, (const float *)p->b2.p + n * p->b2.cols, p->k2);
			if (p->bias)
				x += p->bias[n];
			float *c = p->c + m * p->ldc + n;
			*c = p->add ? *c + x : x;
		}
	}
}

static int dot_product(le_engine *e, product *p) {
	p->pa = le_shared(e, LE_SHARED_A, p->m * (p->k + p->k2) * 4);
	if (!p->pa)
		return 1;
	p->pa2 = p->pa + p->m * p->k;
	for (int64_t m = 0; m < p->m; m++) {
		float *row = p->pa + m * p->k;
		view_floats(&p->a, m * p->a.rows, p->k, row);
		if (p->drop_a.keys)
			drop_row(&p->drop_a, row, row, p->k, m, 0);
		if (p->k2)
			view_floats(&p->a2, m * p->a2.rows, p->k2, p->pa2 + m * p->k2);
	}
	void *context[] = {p, e};
	le_pool_spread(e->pool, le_div(p->n, DOT_COLUMNS), dot_task, context);
	return 0;
}

// Chooses by the shape alone, so that the sums have one order.
static int multiply(le_engine *e, product *p) {
	if (p->m == 0 || p->n == 0)
		return 0;
	int rows = p->a.cols == 1, plain = p->k2 == 0 && p->kind == FLOATS;
	if (p->map)
		return packed_product(e, p);
	if (rows && p->m <= FEW_ROWS && p->by_rows && !p->drop_b.keys)
		return dot_product(e, p);
	if (plain && !rows && p->n <= NARROW && !p->by_rows && !p->drop_b.keys && !p->bias) {
		product t = transposed_of(p);
		return flat_product(e, &t, 1);
	}
	if (plain && p->n <= NARROW)
		return narrow_product(e, p);
	if (plain && p->m <= NARROW && !p->by_rows)
		return flat_product(e, p, 0);
	return packed_product(e, p);
}
