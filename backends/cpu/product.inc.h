// Matrix products. C[M, N] = alpha·A·B + alpha2·A2·B2 + bias, or that added to
// C; A2·B2 is an adapter's low-rank part.
//
// Large products go the way of BLIS (Van Zee and van de Geijn, 2015): A and B
// are packed into panels of MR rows and NR columns, shared by all threads, and
// tiles of C run over them in blocks of K. Products with a narrow side read
// their large operand where it lies; few rows against a transposed matrix
// (decoding) are dot products.

// Element (i, j) is p[i·rows + j·cols].
typedef struct {
	const float *p;
	int64_t rows, cols;
} view;

// Dropout of a matrix: a key for each of its rows, NULL for none.
typedef struct {
	const uint32_t *keys;
	uint32_t threshold;
	float keep;
} mask;

typedef struct {
	int64_t m, n, k, k2;
	view a, b, a2, b2; // B by (k, n)
	float alpha, alpha2;
	mask drop_a, drop_b; // of A [M, K], of B [K, N]
	mask drop_c;         // of the product [M, N], before it is added
	int64_t k_base;      // A's column 0 is this column of the matrix that drop_a masks
	const float *bias;   // [N]
	int add;
	float *c;
	int64_t ldc;
	// Packed panels, and the part of C that they belong to.
	float *pa, *pb;
	int64_t m0, m1, n0, n1;
	int64_t a_tasks; // packing: how many of the tasks pack A
} product;

enum {
	K_BLOCK = 192,           // of B's panel: NR columns of it stay in L1
	M_BLOCK = 128,           // rows of A that a task keeps in L2
	N_BLOCK = 4 * NR,        // columns of a task
	PACK_PANELS = 8,         // panels that a packing task makes
	PANEL_BYTES = 12 << 20,  // of packed A or B at a time
	FEW_ROWS = 8,            // dot products up to here
	NARROW = 64,             // a narrow side has at most this
	ROW_STEP = 8 * MR,       // rows of a task of a narrow product
	LONG_K_BLOCK = 256,
	K_CHUNK = 4096, // of K that is packed at a time
};

// Packs MR rows of A from m on: to[k·MR + i].
static void pack_a(const product *p, int64_t m, float *to, float *work) {
	int64_t rows = le_min(MR, p->m - m);
	for (int part = 0; part < 2; part++) {
		view a = part ? p->a2 : p->a;
		int64_t k_count = part ? p->k2 : p->k;
		float alpha = part ? p->alpha2 : p->alpha;
		const float *from = a.p + m * a.rows;
		if (!part && p->drop_a.keys) {
			for (int64_t i = 0; i < rows; i++)
				drop_row(work + i * k_count, from + i * a.rows, k_count, p->drop_a.keys[m + i], p->k_base, p->drop_a.threshold, p->drop_a.keep);
			transpose(to, MR, MR, work, k_count, rows, k_count, alpha);
		} else if (k_count && a.cols == 1) {
			transpose(to, MR, MR, from, a.rows, rows, k_count, alpha);
		} else if (rows == MR) {
			for (int64_t k = 0; k < k_count; k++)
				for (int i = 0; i < MR; i++)
					to[k * MR + i] = alpha * from[k * a.cols + i];
		} else if (k_count) {
			copy_padded(to, MR, k_count, from, a.cols, k_count, rows, alpha);
		}
		to += k_count * MR;
	}
}

// Packs columns of B from n on: to[k·width + j], for k of [k0, k1) of B itself.
static void pack_b_part(view b, mask drop, int64_t k0, int64_t k1, int64_t n, int64_t cols, int64_t width, float *to) {
	const float *from = b.p + k0 * b.rows + n * b.cols;
	if (b.rows == 1 && b.cols != 1) {
		transpose(to, width, width, from, b.cols, cols, k1 - k0, 1);
		return;
	}
	if (!drop.keys) {
		copy_padded(to, width, k1 - k0, from, b.rows, k1 - k0, cols, 1);
		return;
	}
	for (int64_t k = k0; k < k1; k++, to += width, from += b.rows) {
		drop_row(to, from, cols, drop.keys[k], n, drop.threshold, drop.keep);
		for (int64_t j = cols; j < width; j++)
			to[j] = 0;
	}
}

static void pack_b(const product *p, int64_t n, int64_t width, float *to) {
	int64_t cols = le_min(width, p->n - n);
	pack_b_part(p->b, p->drop_b, 0, p->k, n, cols, width, to);
	if (p->k2)
		pack_b_part(p->b2, (mask){0}, 0, p->k2, n, cols, width, to + p->k * width);
}

// Stores or adds the part of a tile that lies inside C, with its mask.
static void store_edge(const product *p, const float *t, int64_t m, int64_t n, int64_t rows, int64_t cols, const float *bias, int add) {
	for (int64_t i = 0; i < rows; i++) {
		float *c = p->c + (m + i) * p->ldc + n;
		float line[NR];
		const float *from = t + i * NR;
		if (p->drop_c.keys) {
			drop_row(line, from, cols, p->drop_c.keys[m + i], n, p->drop_c.threshold, p->drop_c.keep);
			from = line;
		}
		for (int64_t j = 0; j < cols; j++) {
			float x = from[j] + (bias ? bias[n + j] : 0);
			c[j] = add ? c[j] + x : x;
		}
	}
}

// One tile of C at (m, n) over k of both panels.
INLINE void panel_tile(const product *p, int order, int64_t k, const float *a, int64_t s, const float *b, int64_t ldb,
	int64_t m, int64_t n, int64_t rows, int64_t cols, const float *bias, int add) {
	int v = (int)le_div(cols, VL);
	tile_fn f = TILES[order][v];
	if (rows == MR && cols == v * VL && !p->drop_c.keys) {
		f(k, a, s, b, ldb, p->c + m * p->ldc + n, p->ldc, bias ? bias + n : NULL, add);
		return;
	}
	float t[MR * NR];
	f(k, a, s, b, ldb, t, NR, NULL, 0);
	store_edge(p, t, m, n, rows, cols, bias, add);
}

static void pack_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t k = p->k + p->k2;
	if (task < p->a_tasks) {
		int64_t end = le_min(p->m0 + (task + 1) * PACK_PANELS * MR, p->m1);
		for (int64_t m = p->m0 + task * PACK_PANELS * MR; m < end; m += MR)
			pack_a(p, m, p->pa + (m - p->m0) * k, e->local[thread].p);
		return;
	}
	int64_t n = p->n0 + (task - p->a_tasks) * NR;
	pack_b(p, n, NR, p->pb + (n - p->n0) * k);
}

static void compute_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	int64_t k = p->k + p->k2, columns = le_div(p->n1 - p->n0, N_BLOCK);
	int64_t m0 = p->m0 + task / columns * M_BLOCK, m1 = le_min(m0 + M_BLOCK, p->m1);
	int64_t n0 = p->n0 + task % columns * N_BLOCK, n1 = le_min(n0 + N_BLOCK, p->n1);
	int64_t blocks = le_div(k, K_BLOCK), step = le_round(le_div(k, blocks), 4);
	for (int64_t k0 = 0; k0 < k; k0 += step) {
		int64_t kn = le_min(step, k - k0);
		int add = p->add || k0 > 0;
		const float *bias = k0 == 0 ? p->bias : NULL;
		for (int64_t n = n0; n < n1; n += NR)
			for (int64_t m = m0; m < m1; m += MR)
				panel_tile(p, BY_COLUMNS, kn, p->pa + (m - p->m0) * k + k0 * MR, MR, p->pb + (n - p->n0) * k + k0 * NR, NR,
					m, n, le_min(MR, p->m - m), le_min(NR, p->n - n), bias, add);
	}
}

// How many columns or rows to pack at a time.
static int64_t chunk(int64_t count, int64_t k, int64_t step) {
	int64_t most = le_max(PANEL_BYTES / 4 / k / step, 1) * step;
	if (count <= most)
		return count;
	return le_round(le_div(count, le_div(count, most)), step);
}

static int packed_chunk(le_engine *e, product *p) {
	int64_t k = p->k + p->k2, mc = chunk(p->m, k, M_BLOCK), nc = chunk(p->n, k, N_BLOCK);
	p->pa = le_shared(e, LE_SHARED_A, le_round(mc, MR) * k * 4);
	p->pb = le_shared(e, LE_SHARED_B, le_round(nc, NR) * k * 4);
	if (!p->pa || !p->pb || (p->drop_a.keys && !le_locals(e, MR * p->k * 4)))
		return 1;
	void *context[] = {p, e};
	for (p->n0 = 0; p->n0 < p->n; p->n0 += nc) {
		p->n1 = le_min(p->n0 + nc, p->n);
		for (p->m0 = 0; p->m0 < p->m; p->m0 += mc) {
			p->m1 = le_min(p->m0 + mc, p->m);
			int packed_a = mc >= p->m && p->n0 > 0, packed_b = p->m0 > 0;
			p->a_tasks = packed_a ? 0 : le_div(p->m1 - p->m0, PACK_PANELS * MR);
			le_pool_run(e->pool, p->a_tasks + (packed_b ? 0 : le_div(p->n1 - p->n0, NR)), pack_task, context);
			le_pool_run(e->pool, le_div(p->m1 - p->m0, M_BLOCK) * le_div(p->n1 - p->n0, N_BLOCK), compute_task, context);
		}
	}
	return 0;
}

// A long K is packed in chunks, so that both panels stay in the outer cache.
static int packed_product(le_engine *e, const product *whole) {
	product p = *whole;
	for (int64_t k = 0; k < whole->k; k += K_CHUNK) {
		int last = k + K_CHUNK >= whole->k;
		p.k = le_min(K_CHUNK, whole->k - k);
		p.k2 = last ? whole->k2 : 0;
		p.a.p = whole->a.p + k * whole->a.cols;
		p.b.p = whole->b.p + k * whole->b.rows;
		p.k_base = k;
		p.drop_b.keys = whole->drop_b.keys ? whole->drop_b.keys + k : NULL;
		if (packed_chunk(e, &p))
			return 1;
		p.add = 1;
		p.bias = NULL;
	}
	return 0;
}

// Rows from m on of a product with few columns: B is packed, A is read in place.
static void narrow_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t m0 = task * ROW_STEP, m1 = le_min(m0 + ROW_STEP, p->m), width = le_min(NR, le_round(p->n, VL));
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
			for (; m + MR <= m1; m += MR)
				panel_tile(p, order, kn, a.p + (m - m0) * a.rows + k0 * a.cols, s, b, width, m, n, MR, cols, bias, add);
			for (; m < m1; m++) {
				float t[NR], row[LONG_K_BLOCK];
				for (int64_t k = 0; k < kn; k++)
					row[k] = a.p[(m - m0) * a.rows + (k0 + k) * a.cols];
				ROW_TILES[le_div(cols, VL)](kn, row, 0, b, width, t, NR, NULL, 0);
				store_edge(p, t, m, n, 1, cols, bias, add);
			}
		}
	}
}

static void pack_narrow_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	int64_t width = le_min(NR, le_round(p->n, VL));
	pack_b(p, task * NR, width, p->pb + task * NR * p->k);
}

// The scale of A goes into the packed B.
static int narrow_product(le_engine *e, product *p) {
	p->pb = le_shared(e, LE_SHARED_B, le_round(p->n, NR) * p->k * 4);
	if (!p->pb || (p->drop_a.keys && !le_locals(e, ROW_STEP * p->k * 4)))
		return 1;
	void *context[] = {p, e};
	le_pool_run(e->pool, le_div(p->n, NR), pack_narrow_task, context);
	if (p->alpha != 1)
		for (int64_t i = 0; i < le_div(p->n, NR) * le_min(NR, le_round(p->n, VL)) * p->k; i++)
			p->pb[i] *= p->alpha;
	le_pool_run(e->pool, le_div(p->m, ROW_STEP), narrow_task, context);
	return 0;
}

// NR columns of a product with few rows: A is packed, B is read in place
// where it is whole and needs no mask.
static void flat_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	int64_t n = task * NR, cols = le_min(NR, p->n - n);
	int copied = p->drop_b.keys || cols % VL != 0;
	for (int64_t k0 = 0; k0 < p->k; k0 += LONG_K_BLOCK) {
		int64_t kn = le_min(LONG_K_BLOCK, p->k - k0), ldb = p->b.rows;
		const float *b = p->b.p + k0 * ldb + n;
		if (copied) {
			pack_b_part(p->b, p->drop_b, k0, k0 + kn, n, cols, NR, e->local[thread].p);
			b = e->local[thread].p;
			ldb = NR;
		}
		for (int64_t m = 0; m < p->m; m += MR)
			panel_tile(p, BY_COLUMNS, kn, p->pa + m * p->k + k0 * MR, MR, b, ldb, m, n, le_min(MR, p->m - m), cols,
				k0 == 0 ? p->bias : NULL, p->add || k0 > 0);
	}
}

static int flat_product(le_engine *e, product *p) {
	p->pa = le_shared(e, LE_SHARED_A, le_round(p->m, MR) * p->k * 4);
	if (!p->pa || !le_locals(e, le_max(LONG_K_BLOCK * NR, MR * p->k) * 4))
		return 1;
	void *context[] = {p, e};
	for (int64_t m = 0; m < p->m; m += MR)
		pack_a(p, m, p->pa + m * p->k, e->local[0].p);
	le_pool_run(e->pool, le_div(p->n, NR), flat_task, context);
	return 0;
}

enum { DOT_COLUMNS = 16 };

// Few rows of A against rows of a transposed B, which is read once.
static void dot_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	for (int64_t n = task * DOT_COLUMNS; n < le_min((task + 1) * DOT_COLUMNS, p->n); n++)
		for (int64_t m = 0; m < p->m; m++) {
			float x = p->alpha * dot(p->pa + m * p->k, p->b.p + n * p->b.cols, p->k);
			if (p->k2)
				x += p->alpha2 * dot(p->a2.p + m * p->a2.rows, p->b2.p + n * p->b2.cols, p->k2);
			if (p->bias)
				x += p->bias[n];
			float *c = p->c + m * p->ldc + n;
			*c = p->add ? *c + x : x;
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
	int transposed_b = p->b.rows == 1 && p->a.cols == 1;
	int low_rank_rows = p->k2 == 0 || (p->b2.rows == 1 && p->a2.cols == 1);
	if (p->m <= FEW_ROWS && transposed_b && low_rank_rows && !p->drop_b.keys && !p->drop_c.keys)
		return dot_product(e, p);
	if (p->k2 == 0 && !p->drop_c.keys && p->n <= NARROW)
		return narrow_product(e, p);
	if (p->k2 == 0 && !p->drop_c.keys && p->m <= NARROW && p->b.cols == 1)
		return flat_product(e, p);
	return packed_product(e, p);
}

// The keys of a dropout's rows; keys stays NULL where nothing is dropped.
static int row_keys(le_engine *e, const le_instr *in, const le_scalars *s, const le_mat *index, mask *to) {
	*to = (mask){0};
	if (in->drop == 0 || !s->training || !index->p)
		return 0;
	uint32_t *keys = le_shared(e, LE_SHARED_KEYS, index->rows * 4);
	if (!keys)
		return 1;
	for (int64_t r = 0; r < index->rows; r++)
		keys[r] = le_row_key(s->seed, s->dropout_step, in->module, (uint32_t)index->i[r]);
	*to = (mask){keys, in->drop_threshold, 1.0f / (1.0f - in->drop)};
	return 0;
}

static int op_linear(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *x = &in->in[0], *w = &in->in[1], *bias = &in->in[2], *u = &in->in[3], *b = &in->in[4], *y = &in->out[0];
	float whole = in->adapter ? s->adapter : 1;
	product p = {.m = y->rows, .n = y->cols, .k = x->cols, .alpha = in->scale * whole, .alpha2 = whole};
	p.a = (view){x->p, x->cols, 1};
	p.b = (view){w->p, 1, w->cols};
	if (u->p) {
		p.k2 = u->cols;
		p.a2 = (view){u->p, u->cols, 1};
		p.b2 = (view){b->p, 1, b->cols};
	}
	p.bias = bias->p, p.add = in->accumulate, p.c = y->p, p.ldc = y->cols;
	if (bias->p && whole != 1) {
		float *scaled = le_shared(e, LE_SHARED_SUMS, p.n * 4);
		if (!scaled)
			return 1;
		for (int64_t i = 0; i < p.n; i++)
			scaled[i] = whole * bias->p[i];
		p.bias = scaled;
	}
	if (row_keys(e, in, s, &in->in[5], &p.drop_a))
		return 1;
	return multiply(e, &p);
}

static int op_linear_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *dy = &in->in[0], *w = &in->in[1], *du = &in->in[2], *a = &in->in[3], *dx = &in->out[0];
	product p = {.m = dx->rows, .n = dx->cols, .k = dy->cols, .alpha = in->scale, .alpha2 = 1};
	p.a = (view){dy->p, dy->cols, 1};
	p.b = (view){w->p, w->cols, 1};
	p.add = in->accumulate, p.c = dx->p, p.ldc = dx->cols;
	mask drop;
	if (row_keys(e, in, s, &in->in[4], &drop))
		return 1;
	if (du->p && drop.keys) {
		product low = p;
		low.k = du->cols, low.alpha = 1, low.drop_c = drop;
		low.a = (view){du->p, du->cols, 1};
		low.b = (view){a->p, a->cols, 1};
		if (multiply(e, &low))
			return 1;
		p.add = 1;
	} else if (du->p) {
		p.k2 = du->cols;
		p.a2 = (view){du->p, du->cols, 1};
		p.b2 = (view){a->p, a->cols, 1};
	}
	return multiply(e, &p);
}

static int op_linear_weight_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *dy = &in->in[0], *x = &in->in[1], *dw = &in->out[0];
	product p = {.m = dw->rows, .n = dw->cols, .k = dy->rows, .alpha = 1};
	p.a = (view){dy->p, 1, dy->cols};
	p.b = (view){x->p, x->cols, 1};
	p.add = 1, p.c = dw->p, p.ldc = dw->cols;
	if (row_keys(e, in, s, &in->in[2], &p.drop_b))
		return 1;
	return multiply(e, &p);
}
