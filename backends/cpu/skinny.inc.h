// Products with a narrow side read their large operand where it lies; few rows
// against rows of a weight (decoding) are dot products.

enum {
	FEW_ROWS = 8,         // dot products up to here
	NARROW = 64,          // a narrow side has at most this
	ROW_STEP = 8 * MR,    // rows of a task of a narrow product
	LONG_K_BLOCK = 256,
};

INLINE int64_t narrow_width(const product *p) { return le_min(NR, le_round(p->n, VL)); }

// Rows of a product with few columns: B is packed, A is read in place.
static void narrow_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t m0 = task * ROW_STEP, m1 = le_min(m0 + ROW_STEP, p->m), width = narrow_width(p);
	view a = {p->a.p + m0 * p->a.rows, p->a.rows, p->a.cols};
	if (p->drop_a.keys) {
		float *work = e->local[thread].p;
		for (int64_t m = m0; m < m1; m++)
			drop_row(work + (m - m0) * p->k, p->a.p + m * p->a.rows, p->k, p->drop_a.keys[m], 0, p->drop_a.threshold, p->drop_a.keep);
		a = (view){work, p->k, 1};
	}
	int order = a.cols == 1 ? BY_ROWS : BY_COLUMNS;
	int64_t s = order == BY_ROWS ? a.rows : a.cols;
	for (int64_t k0 = 0; k0 < p->k; k0 += LONG_K_BLOCK) {
		int64_t kn = le_min(LONG_K_BLOCK, p->k - k0);
		int add = p->add || k0 > 0;
		const float *bias = k0 == 0 ? p->bias : NULL;
		for (int64_t n = 0; n < p->n; n += NR) {
			const float *b = p->pb + n * p->k + k0 * width;
			int64_t cols = le_min(NR, p->n - n);
			int64_t m = m0;
			for (; m + MR <= m1; m += MR) {
				strip part = {kn, s, width, a.p + (m - m0) * a.rows + k0 * a.cols, b};
				panel_tile(p, order, &part, NULL, p->alpha, m, n, MR, cols, bias, add);
			}
			for (; m < m1; m++) {
				float t[NR], row[LONG_K_BLOCK];
				for (int64_t k = 0; k < kn; k++)
					row[k] = a.p[(m - m0) * a.rows + (k0 + k) * a.cols];
				strip part = {kn, 0, width, row, b};
				target edge = {t, NR, NULL, p->alpha, 0};
				single[le_div(cols, VL)](&part, NULL, &edge);
				store_edge(p, t, m, n, 1, cols, bias, add);
			}
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
	if (!p->pb || (p->drop_a.keys && !le_locals(e, ROW_STEP * p->k * 4)))
		return 1;
	void *context[] = {p, e};
	le_pool_run(e->pool, le_div(p->n, NR), pack_narrow_task, context);
	le_pool_run(e->pool, le_div(p->m, ROW_STEP), narrow_task, context);
	return 0;
}

// NR columns of a product with few rows: A is packed, B is read in place
// where it is whole and needs no mask.
static void flat_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t n = task * NR, cols = le_min(NR, p->n - n);
	int copied = p->drop_b.keys || cols % VL != 0 || p->b.dtype != LE_F32;
	for (int64_t k0 = 0; k0 < p->k; k0 += LONG_K_BLOCK) {
		int64_t kn = le_min(LONG_K_BLOCK, p->k - k0), ldb = p->b.cols;
		const float *b = (const float *)p->b.p + k0 * ldb + n;
		if (copied) {
			pack_b(p, k0, k0 + kn, n, NR, e->local[thread].p);
			b = e->local[thread].p;
			ldb = NR;
		}
		for (int64_t m = 0; m < p->m; m += MR) {
			strip part = {kn, MR, ldb, p->pa + m * p->k + k0 * MR, b};
			panel_tile(p, BY_COLUMNS, &part, NULL, p->alpha, m, n, le_min(MR, p->m - m), cols, k0 == 0 ? p->bias : NULL, p->add || k0 > 0);
		}
	}
}

static int flat_product(le_engine *e, product *p) {
	p->pa = le_shared(e, LE_SHARED_A, le_round(p->m, MR) * p->k * 4);
	if (!p->pa || !le_locals(e, LONG_K_BLOCK * NR * 4))
		return 1;
	void *context[] = {p, e};
	for (int64_t m = 0; m < p->m; m += MR) {
		int64_t rows = le_min(MR, p->m - m);
		if (p->a.cols == 1)
			transpose(p->pa + m * p->k, MR, MR, p->a.p + m * p->a.rows, p->a.rows, rows, p->k, 1);
		else
			copy_padded(p->pa + m * p->k, MR, p->k, p->a.p + m, p->a.cols, p->k, rows, 1);
	}
	le_pool_run(e->pool, le_div(p->n, NR), flat_task, context);
	return 0;
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
				x += p->alpha2 * dot(p->a2.p + m * p->a2.rows, (const float *)p->b2.p + n * p->b2.cols, p->k2);
			if (p->bias)
				x += p->bias[n];
			float *c = p->c + m * p->ldc + n;
			*c = p->add ? *c + x : x;
		}
	}
}

static int dot_product(le_engine *e, product *p) {
	p->pa = le_shared(e, LE_SHARED_A, p->m * p->k * 4);
	if (!p->pa)
		return 1;
	for (int64_t m = 0; m < p->m; m++) {
		if (p->drop_a.keys)
			drop_row(p->pa + m * p->k, p->a.p + m * p->a.rows, p->k, p->drop_a.keys[m], 0, p->drop_a.threshold, p->drop_a.keep);
		else
			memcpy(p->pa + m * p->k, p->a.p + m * p->a.rows, (size_t)p->k * sizeof(float));
	}
	void *context[] = {p, e};
	le_pool_run(e->pool, le_div(p->n, DOT_COLUMNS), dot_task, context);
	return 0;
}

// Chooses by the shape alone, so that the sums have one order.
static int multiply(le_engine *e, product *p) {
	if (p->m == 0 || p->n == 0)
		return 0;
	int rows = p->a.cols == 1;
	if (rows && p->m <= FEW_ROWS && p->by_rows && !p->drop_b.keys && !p->drop_c.keys)
		return dot_product(e, p);
	if (p->k2 == 0 && !p->drop_c.keys && p->n <= NARROW && p->kind == FLOATS)
		return narrow_product(e, p);
	if (p->k2 == 0 && !p->drop_c.keys && p->m <= NARROW && !p->by_rows && p->kind == FLOATS)
		return flat_product(e, p);
	return packed_product(e, p);
}
