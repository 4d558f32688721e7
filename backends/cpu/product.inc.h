// Matrix products. C[M, N] = alpha·A·B + alpha2·A2·B2 + bias, or that added to
// C; A2·B2 is an adapter's low-rank part.
//
// Large products go the way of BLIS (Van Zee and van de Geijn, 2015): A and B
// are packed into panels of MR rows and NR columns, shared by all threads, and
// tiles of C run over them in blocks of K. Whatever the dtype of a weight, only
// its panels exist in the type that the tile multiplies. skinny.inc.h has the
// products with a narrow side.

// Element (i, j) is p[i·rows + j·cols]; one of both is 1. With bf16 the elements are of
// bfloat16, and p is where they begin.
typedef struct {
	const float *p;
	int64_t rows, cols;
	int bf16;
} view;

// The view's elements from this one on.
INLINE const float *element(const view *a, int64_t at) { return a->bf16 ? (const float *)((const uint16_t *)a->p + at) : a->p + at; }
INLINE void view_floats(const view *a, int64_t at, int64_t n, float *to) { floats_of(a->p, a->bf16 ? LE_BF16 : LE_F32, at, n, to); }

typedef struct {
	int kind; // FLOATS or PAIRS
	int64_t m, n, k, k2;
	view a, a2;     // a2 by rows
	factor b, b2;   // B [K, N] is the factor's transpose where by_rows, else the factor
	int by_rows;    // of both
	float alpha, alpha2;
	mask drop_a, drop_b; // of A [M, K], of B [K, N]
	mask drop_low;       // of A2·B2 [M, N]
	const float *bias;   // [N]
	int add;
	float *c;
	int64_t ldc;
	const int64_t *map; // rows of A, A2 and C that the m are, where they are not the first m
	int same_lines; // A is what e->lines says, if that was made of it
	// Packed panels, and the part of the product that they belong to.
	float *pa, *pa2, *pb;
	int64_t m0, m1, n0, n1, k0, k1;
	int64_t a_tasks, pack_tasks; // how many tasks pack A, and A or B
} product;

enum {
	K_BLOCK = 576,          // units of B's panel that a tile runs over
	M_BLOCK = 128,          // rows of A that a task keeps in L2
	N_BLOCK = 4 * NR,       // columns of a task
	PACK_PANELS = 8,        // panels that a packing task makes
	A_BYTES = 16 << 20,     // of packed A at a time
	B_BYTES = 4 << 20,      // of packed B at a time
	K_CHUNK = 2048,         // of K that is packed at a time
};

// Sizes of one panel, in floats: of B with its low-rank part, of A, of A2.
INLINE int64_t b_panel(const product *p) { return (units_of(p->kind, p->k1 - p->k0) + units_of(p->kind, p->k2)) * NR; }
INLINE int64_t a_panel(const product *p) { return le_round(units_of(p->kind, p->k1 - p->k0), LINE) * MR; }
INLINE int64_t a2_panel(const product *p) { return le_round(units_of(p->kind, p->k2), LINE) * MR; }
INLINE int a_order(const product *p) { return p->a.cols == 1 ? BY_LINES : BY_COLUMNS; }
INLINE int64_t row_of(const product *p, int64_t m) { return p->map ? p->map[m] : m; }

// Packs n elements of each of MR rows, NULL for zeros, times scale, as lines.
static void pack_lines(const int kind, const float *const from[MR], int64_t n, float scale, float *to) {
	int64_t step = kind == PAIRS ? 2 * LINE : LINE;
	for (int64_t k = 0; k < n; k += step)
		for (int64_t i = 0; i < MR; i++, to += LINE) {
			float line[2 * LINE];
			const float *x = from[i] + k;
			if (!from[i]) {
				memset(to, 0, LINE * sizeof(float));
				continue;
			}
			if (n - k < step || scale != 1) {
				memset(line, 0, sizeof line);
				for (int64_t j = 0; j < le_min(step, n - k); j++)
					line[j] = scale * x[j];
				x = line;
			}
			row_units(kind, x, step, to);
		}
}

// Packs n elements of bfloat16 of each of MR rows, NULL for zeros, as lines.
static void pack_bf16_lines(const uint16_t *const from[MR], int64_t n, float *to) {
	for (int64_t k = 0; k < n; k += 2 * LINE)
		for (int64_t i = 0; i < MR; i++, to += LINE) {
			int64_t count = from[i] ? le_min(2 * LINE, n - k) : 0;
			if (count < 2 * LINE)
				memset(to, 0, LINE * sizeof(float));
			if (count == 2 * LINE)
				memcpy(to, from[i] + k, LINE * sizeof(float));
			else if (count > 0)
				memcpy(to, from[i] + k, (size_t)count * sizeof(uint16_t));
		}
}

// alpha is A's where a low-rank part shares the sums, else the sums'.
INLINE float a_scale(const product *p) { return p->a2.p ? p->alpha : 1; }
INLINE float sum_scale(const product *p) { return p->a2.p ? 1 : p->alpha; }

// Packs k_count elements of each of up to MR columns: to[k·MR + m] is pair k of column m.
static void pack_pairs_of_columns(const float *from, int64_t ld_from, int64_t columns, int64_t k_count, float *to) {
	float low[NR] = {0}, high[NR] = {0}, pairs[NR];
	for (int64_t k = 0; k < k_count; k += 2, to += MR) {
		memcpy(low, from + k * ld_from, (size_t)columns * sizeof(float));
		if (k + 1 < k_count)
			memcpy(high, from + (k + 1) * ld_from, (size_t)columns * sizeof(float));
		else
			memset(high, 0, sizeof high);
		for (int64_t j = 0; j < MR; j += VL)
			st(pairs + j, pairs_of_rows(ld(low + j), ld(high + j)));
		memcpy(to, pairs, MR * sizeof(float));
	}
}

// The same of bfloat16.
static void pack_pairs_of_bf16(const uint16_t *from, int64_t ld_from, int64_t columns, int64_t k_count, float *to) {
	for (int64_t k = 0; k < k_count; k += 2, from += 2 * ld_from, to += MR)
		for (int64_t j = 0; j < MR; j++) {
			uint32_t low = j < columns ? from[j] : 0, high = j < columns && k + 1 < k_count ? from[ld_from + j] : 0, pair = low | high << 16;
			memcpy(to + j, &pair, sizeof pair);
		}
}

// MR rows of a from m on, NULL beyond the last.
static void rows_from(const product *p, const view *a, int64_t m, const float *to[MR]) {
	for (int64_t i = 0; i < MR; i++)
		to[i] = m + i < p->m ? element(a, row_of(p, m + i) * a->rows) : NULL;
}

// k_count elements of each of up to MR columns of A from an element on: to[k·MR + m], zero beyond rows.
static void copy_columns(const view *a, int64_t at, int64_t k_count, int64_t rows, float *to) {
	if (!a->bf16) {
		copy_padded(to, MR, k_count, a->p + at, a->cols, k_count, rows, 1);
		return;
	}
	for (int64_t k = 0; k < k_count; k++, to += MR) {
		memset(to, 0, MR * sizeof(float));
		view_floats(a, at + k * a->cols, rows, to);
	}
}

// Packs MR rows of A from m on; work has room for MR rows where they are masked or of bfloat16.
static void pack_a(const product *p, int64_t m, float *to, float *work) {
	int64_t rows = le_min(MR, p->m - m), k_count = p->k1 - p->k0;
	if (a_order(p) == BY_COLUMNS) {
		const float *columns = element(&p->a, m + p->k0 * p->a.cols);
		if (p->kind == PAIRS && p->a.bf16)
			pack_pairs_of_bf16((const uint16_t *)columns, p->a.cols, rows, k_count, to);
		else if (p->kind == PAIRS)
			pack_pairs_of_columns(columns, p->a.cols, rows, k_count, to);
		else
			copy_columns(&p->a, m + p->k0 * p->a.cols, k_count, rows, to);
		return;
	}
	const float *from[MR];
	rows_from(p, &p->a, m, from);
	int as_it_lies = p->a.bf16 && !p->drop_a.keys && a_scale(p) == 1;
	for (int64_t i = 0; i < rows; i++) {
		float *row = work + i * k_count;
		if (!p->a.bf16)
			from[i] += p->k0;
		else if (as_it_lies)
			from[i] = (const float *)((const uint16_t *)from[i] + p->k0);
		else
			floats_of(from[i], LE_BF16, p->k0, k_count, row), from[i] = row;
		if (p->drop_a.keys) {
			drop_row(&p->drop_a, row, from[i], k_count, row_of(p, m + i), p->k0);
			from[i] = row;
		}
	}
	if (as_it_lies) {
		pack_bf16_lines((const uint16_t *const *)from, k_count, to);
		return;
	}
	if (p->kind == PAIRS)
		pack_lines(PAIRS, from, k_count, a_scale(p), to);
	else
		pack_lines(FLOATS, from, k_count, a_scale(p), to);
}

// Packs MR rows of A2 from m on, likewise.
static void pack_a2(const product *p, int64_t m, float *to, float *work) {
	const float *from[MR];
	rows_from(p, &p->a2, m, from);
	for (int64_t i = 0; p->a2.bf16 && i < le_min(MR, p->m - m); i++) {
		floats_of(from[i], LE_BF16, 0, p->k2, work + i * p->k2);
		from[i] = work + i * p->k2;
	}
	if (p->kind == PAIRS)
		pack_lines(PAIRS, from, p->k2, p->alpha2, to);
	else
		pack_lines(FLOATS, from, p->k2, p->alpha2, to);
}

INLINE void pack_factor(const int kind, const factor *f, int by_rows, int64_t k0, int64_t k1, int64_t n, int64_t width, float *to) {
	if (by_rows)
		pack_rows(kind, f, n, k0, k1, width, to);
	else
		pack_columns(kind, f, n, k0, k1, width, to);
}

// Packs columns of a masked B as pairs.
static void pack_dropped_pairs(const product *p, int64_t k0, int64_t k1, int64_t n, int64_t width, float *to) {
	int64_t cols = le_min(width, p->b.cols - n);
	float rows[2][NR] = {{0}};
	for (int64_t k = k0; k < k1; k += 2, to += width) {
		for (int64_t i = 0; i < 2; i++) {
			if (k + i < k1)
				decode(&p->b, k + i, n, cols, rows[i]), drop_row(&p->drop_b, rows[i], rows[i], cols, k + i, n);
			else
				memset(rows[i], 0, sizeof rows[i]);
		}
		for (int64_t j = 0; j < width; j += VL)
			st(to + j, pairs_of_rows(ld(rows[0] + j), ld(rows[1] + j)));
	}
}

// Packs columns of B from n on: to[k·width + j] for elements k of [k0, k1).
static void pack_b(const product *p, int64_t k0, int64_t k1, int64_t n, int64_t width, float *to) {
	if (p->kind == PAIRS && p->drop_b.keys) {
		pack_dropped_pairs(p, k0, k1, n, width, to);
		return;
	}
	if (p->kind == PAIRS) {
		pack_factor(PAIRS, &p->b, p->by_rows, k0, k1, n, width, to);
		return;
	}
	pack_factor(FLOATS, &p->b, p->by_rows, k0, k1, n, width, to);
	if (p->drop_b.keys)
		for (int64_t k = k0; k < k1; k++, to += width)
			drop_row(&p->drop_b, to, to, width, k, n);
}

// Stores or adds the part of a tile that lies inside C.
static void store_edge(const product *p, const float *t, int64_t m, int64_t n, int64_t rows, int64_t cols, const float *bias, int add) {
	for (int64_t i = 0; i < rows; i++) {
		float *c = p->c + row_of(p, m + i) * p->ldc + n;
		for (int64_t j = 0; j < cols; j += VL) {
			vf x = ld(t + i * NR + j);
			if (bias)
				x += ld_to(bias + n + j, cols - j);
			if (add)
				x += ld_to(c + j, cols - j);
			st_to(c + j, x, cols - j);
		}
	}
}

// One tile of C at (m, n) over strips of both panels.
INLINE void panel_tile(const product *p, int order, const strip *s, const strip *low, int64_t m, int64_t n, int64_t rows, int64_t cols,
	const float *bias, int add) {
	int v = (int)le_div(cols, VL);
	tile_fn f = TILES[p->kind][order][v];
	target t = {p->c + m * p->ldc + n, p->ldc, bias ? bias + n : NULL, sum_scale(p), add, p->drop_low.keys ? &p->drop_low : NULL, m, n};
	if (rows == MR && cols == v * VL && !p->map) {
		f(s, low, &t);
		return;
	}
	float edge[MR * NR];
	t.c = edge, t.ldc = NR, t.bias = NULL, t.add = 0;
	f(s, low, &t);
	store_edge(p, edge, m, n, rows, cols, bias, add);
}

static void pack_task(void *context, int64_t task, int thread) {
	const product *p = ((void **)context)[0];
	le_engine *e = ((void **)context)[1];
	// Those of A lie evenly among all, so that each thread packs the rows that it multiplies.
	int64_t of_a = task * p->a_tasks / p->pack_tasks;
	if ((task + 1) * p->a_tasks / p->pack_tasks > of_a) {
		int64_t end = le_min(p->m0 + (of_a + 1) * PACK_PANELS * MR, p->m1);
		for (int64_t m = p->m0 + of_a * PACK_PANELS * MR; m < end; m += MR) {
			int64_t panel = (m - p->m0) / MR;
			if (!p->same_lines)
				pack_a(p, m, p->pa + panel * a_panel(p), e->local[thread].p);
			if (p->k2)
				pack_a2(p, m, p->pa2 + panel * a2_panel(p), e->local[thread].p);
		}
		return;
	}
	int64_t n = p->n0 + (task - of_a) * NR;
	float *to = p->pb + (n - p->n0) / NR * b_panel(p);
	pack_b(p, p->k0, p->k1, n, NR, to);
	to += units_of(p->kind, p->k1 - p->k0) * NR;
	if (p->k2 && p->kind == PAIRS)
		pack_factor(PAIRS, &p->b2, p->by_rows, 0, p->k2, n, NR, to);
	else if (p->k2)
		pack_factor(FLOATS, &p->b2, p->by_rows, 0, p->k2, n, NR, to);
}

INLINE int64_t row_blocks(const product *p) { return le_div(p->m1 - p->m0, M_BLOCK); }

static void compute_task(void *context, int64_t task, int thread) {
	(void)thread;
	const product *p = ((void **)context)[0];
	int64_t columns = le_div(p->n1 - p->n0, N_BLOCK), rows = row_blocks(p), order = a_order(p);
	// Threads share the rows, and where there are more blocks of columns those, and
	// with them the panels that each has packed.
	int64_t row = columns > rows ? task % rows : task / columns, column = columns > rows ? task / rows : task % columns;
	int64_t size = le_round(le_div(p->m1 - p->m0, rows), MR), m0 = p->m0 + row * size, m1 = le_min(m0 + size, p->m1);
	int64_t n0 = p->n0 + column * N_BLOCK, n1 = le_min(n0 + N_BLOCK, p->n1);
	int64_t k = units_of(p->kind, p->k1 - p->k0), step = le_round(le_div(k, le_div(k, K_BLOCK)), LINE);
	for (int64_t k0 = 0; k0 < k; k0 += step) {
		int64_t kn = le_min(step, k - k0);
		int add = p->add || k0 > 0;
		const float *bias = k0 == 0 ? p->bias : NULL;
		for (int64_t n = n0; n < n1; n += NR)
			for (int64_t m = m0; m < m1; m += MR) {
				const float *b = p->pb + (n - p->n0) / NR * b_panel(p);
				int64_t panel = (m - p->m0) / MR;
				strip s = {kn, MR, NR, p->pa + panel * a_panel(p) + k0 * MR, b + k0 * NR};
				strip low = {units_of(p->kind, p->k2), MR, NR, p->pa2 + panel * a2_panel(p), b + k * NR};
				panel_tile(p, (int)order, &s, p->k2 && k0 == 0 ? &low : NULL, m, n, le_min(MR, p->m - m), le_min(NR, p->n - n), bias, add);
			}
	}
}

// How many columns or rows to pack at a time, of panels of so many floats.
static int64_t chunk(int64_t bytes, int64_t count, int64_t panel, int64_t panel_count, int64_t step) {
	int64_t most = le_max(bytes / 4 / panel * panel_count / step, 1) * step;
	if (count <= most)
		return count;
	return le_round(le_div(count, le_div(count, most)), step);
}

// Remembers what the lines were made of, where that is all of a matrix.
static void note_lines(le_engine *e, const product *p) {
	int whole = a_order(p) == BY_LINES && !p->map && !p->drop_a.keys && a_scale(p) == 1 && p->m0 == 0 && p->m1 == p->m && p->k0 == 0 && p->k1 == p->k;
	e->lines = (struct le_lines){whole ? p->a.p : NULL, p->m, p->k, p->kind};
}

static int packed_chunk(le_engine *e, product *p) {
	int order = a_order(p);
	int64_t mc = chunk(A_BYTES, p->m, a_panel(p), MR, M_BLOCK), nc = chunk(B_BYTES, p->n, b_panel(p), NR, N_BLOCK);
	p->pa = le_shared(e, order == BY_LINES ? LE_SHARED_LINES : LE_SHARED_A, le_div(mc, MR) * a_panel(p) * 4);
	p->pa2 = p->k2 ? le_shared(e, LE_SHARED_A, le_div(mc, MR) * a2_panel(p) * 4) : p->pa;
	p->pb = le_shared(e, LE_SHARED_B, le_div(nc, NR) * b_panel(p) * 4);
	int works = p->drop_a.keys || p->a.bf16 || p->a2.bf16; // on floats before they are packed
	if (!p->pa || !p->pa2 || !p->pb || (works && !le_locals(e, MR * le_max(p->k1 - p->k0, p->k2) * 4)))
		return 1;
	void *context[] = {p, e};
	for (p->m0 = 0; p->m0 < p->m; p->m0 += mc) {
		p->m1 = le_min(p->m0 + mc, p->m);
		for (p->n0 = 0; p->n0 < p->n; p->n0 += nc) {
			p->n1 = le_min(p->n0 + nc, p->n);
			int packed_a = p->n0 > 0 || (p->same_lines && !p->k2), packed_b = nc >= p->n && p->m0 > 0;
			p->a_tasks = packed_a ? 0 : le_div(p->m1 - p->m0, PACK_PANELS * MR);
			p->pack_tasks = p->a_tasks + (packed_b ? 0 : le_div(p->n1 - p->n0, NR));
			le_pool_spread(e->pool, p->pack_tasks, pack_task, context);
			if (order == BY_LINES && !p->same_lines && !packed_a)
				note_lines(e, p);
			le_pool_spread(e->pool, row_blocks(p) * le_div(p->n1 - p->n0, N_BLOCK), compute_task, context);
		}
	}
	return 0;
}

// A long K is packed in chunks, so that both panels stay in the outer cache.
static int packed_product(le_engine *e, const product *whole) {
	product p = *whole;
	const struct le_lines *l = &e->lines;
	p.same_lines = whole->same_lines && a_order(whole) == BY_LINES && !p.map && !p.drop_a.keys && a_scale(&p) == 1 && l->p == p.a.p && l->rows == p.m && l->cols == p.k && l->kind == p.kind;
	for (p.k0 = 0; p.k0 < p.k; p.k0 = p.k1) {
		p.k1 = le_min(p.k0 + K_CHUNK, p.k);
		p.k2 = p.k0 == 0 ? whole->k2 : 0;
		if (packed_chunk(e, &p))
			return 1;
		p.add = 1;
		p.bias = NULL;
	}
	return 0;
}
