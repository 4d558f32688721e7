// Attention without a T×T matrix (Dao, FlashAttention-2, 2023): blocks of
// queries against blocks of keys; attention_forward.inc.h and
// attention_grad.inc.h have the two passes. Query heads that share a key head
// are stacked, so that a packed block of keys serves them all: row
// i·heads + h of a stack is query i of head h, and the few rows of a tile see
// nearly the same keys. All sums have one order, whatever the threads do.
//
// With PAIRS the factors of every product are rounded to bfloat16, in pairs
// along what is summed over: columns of heads for scores (rows of units), keys
// or queries for the other products (units of two rows).

enum {
	K_KEYS = 192,         // keys of a block at most: a multiple of every MR and NR
	LONG_LINE = 64,       // a key of more units is in blocks of half as many
	STACK = 4,            // query heads stacked at most
	MAX_Q = 256,          // rows of a stack at most
	STACK_FLOATS = 32768, // of its rows
	Q_MOST = 128,         // queries of a block at most
	// Scores are computed for keys up to whole vectors and tiles.
	KEY_STEP = VL > MR ? VL : MR,
};

// An activation, of floats or, with PAIRS, of bfloat16: p is where it begins.
typedef struct {
	const float *p;
	int bf16;
} source;

INLINE source source_of(const le_mat *m) { return (source){m->p, m->dtype == LE_BF16}; }
INLINE const uint16_t *halves(source s, int64_t at) { return (const uint16_t *)s.p + at; }

typedef struct {
	le_engine *e;
	source q, k, v, o, d_o;
	const float *lse;
	const int32_t *first;
	const le_mat *out;
	float *out_lse, *dq, *dk, *dv, *delta;
	int64_t rows, heads, kv_heads, dim, width; // width: dim rounded up to whole vectors
	int64_t units, line;                       // of a head's row, and rounded up to whole vectors
	int64_t keys;                              // of a block at most
	int64_t window, stacks, stacked;           // stacks: how many a key head's queries make, of so many heads
	float scale, cap;
	// Block b of queries is rows q_starts[b] … q_starts[b+1]-1; keys likewise.
	int64_t *q_starts, *k_starts, q_blocks, k_blocks;
	int64_t *turn;          // blocks of queries in the order of tasks
	int32_t *tasks;         // of the backward pass
	int32_t *order;         // [k_blocks, q_blocks]: how many blocks of keys come before at dq, -1 where none is seen
	_Atomic int32_t *added; // [kv_heads, q_blocks]: how many have added
} attention;

static attention attention_of(le_engine *e, const le_instr *in, int kind) {
	attention a = {.e = e, .q = source_of(&in->in[0]), .k = source_of(&in->in[1]), .v = source_of(&in->in[2]), .rows = in->in[0].rows};
	a.heads = in->heads, a.kv_heads = in->kv_heads, a.dim = in->head_dim, a.width = le_round(a.dim, VL);
	a.units = units_of(kind, a.dim), a.line = le_round(a.units, VL);
	a.keys = a.line > LONG_LINE ? K_KEYS / 2 : K_KEYS;
	a.window = in->window, a.scale = in->scale, a.cap = in->soft_cap;
	int64_t group = a.heads / a.kv_heads;
	a.stacks = le_div(group, STACK);
	a.stacked = le_div(group, a.stacks);
	return a;
}

// Divides rows into blocks of at most most, preferably at the start of a
// document; returns their number.
static int64_t divide(const int32_t *first, int64_t rows, int64_t most, int64_t *starts) {
	int64_t n = 0;
	starts[n++] = 0;
	for (int64_t t = 1; t < rows; t++) {
		int64_t size = t - starts[n - 1];
		if (size == most || (first[t] == t && 3 * size >= most))
			starts[n++] = t;
	}
	starts[n] = rows;
	return n;
}

// Rows of a stack, at most.
static int64_t stack_rows(const attention *a) { return le_max(le_min(MAX_Q, STACK_FLOATS / a->width / MR * MR), STACK * MR); }

// Fills in the blocks; 0 without memory.
static int divide_all(attention *a) {
	int64_t *starts = le_shared(a->e, LE_SHARED_KEYS, 3 * (a->rows + 1) * (int64_t)sizeof *starts);
	if (!starts)
		return 0;
	a->q_starts = starts, a->k_starts = starts + a->rows + 1, a->turn = a->k_starts + a->rows + 1;
	a->q_blocks = divide(a->first, a->rows, le_min(Q_MOST, stack_rows(a) / a->stacked / MR * MR), a->q_starts);
	a->k_blocks = divide(a->first, a->rows, a->keys, a->k_starts);
	return 1;
}

// Row t sees keys lowest(t) … t.
INLINE int64_t lowest(const attention *a, int64_t t) {
	int64_t low = a->first[t];
	return a->window > 0 ? le_max(low, t - a->window + 1) : low;
}

// Queries q0 … q0+count-1 of heads h0 … h0+heads-1, which read key head kv. Row r sees keys
// from[r] … to[r]-1 and is head row place[r] of a matrix of all heads; rows
// beyond the last, up to whole tiles, see what it sees.
typedef struct {
	int64_t q0, count, heads, kv, rows;
	int32_t from[MAX_Q], to[MAX_Q], place[MAX_Q];
} stack;

static void stack_at(const attention *a, int64_t kv, int64_t index, int64_t block, stack *s) {
	int64_t group = a->heads / a->kv_heads, h0 = kv * group + index * a->stacked;
	s->q0 = a->q_starts[block], s->count = a->q_starts[block + 1] - s->q0;
	s->kv = kv, s->heads = le_min(a->stacked, (kv + 1) * group - h0);
	s->rows = s->count * s->heads;
	for (int64_t i = 0, r = 0; i < s->count; i++) {
		int64_t t = s->q0 + i, from = lowest(a, t);
		for (int64_t h = 0; h < s->heads; h++, r++)
			s->from[r] = (int32_t)from, s->to[r] = (int32_t)(t + 1), s->place[r] = (int32_t)(t * a->heads + h0 + h);
	}
	for (int64_t r = s->rows; r < le_round(s->rows, MR); r++)
		s->from[r] = s->from[s->rows - 1], s->to[r] = s->to[s->rows - 1], s->place[r] = s->place[s->rows - 1];
}

// What the tile of rows r … r+MR-1 sees of keys k0 … k1-1, counted from k0: keys
// low … end-1, computed up to high; all says that each row sees all of what is computed.
typedef struct {
	int64_t low, end, high;
	int all;
} sight;

INLINE sight sight_of(const stack *s, int64_t r, int64_t k0, int64_t k1) {
	int64_t last = r + MR - 1;
	sight g = {le_max(s->from[r] - k0, 0) / KEY_STEP * KEY_STEP, le_min(s->to[last], k1) - k0, 0, 0};
	g.high = le_round(g.end, KEY_STEP);
	g.all = s->from[last] <= k0 + g.low && le_min(s->to[r], k1) - k0 >= g.high;
	return g;
}

// The lanes of keys from j on that row r sees of k0 … k1-1, j counted from k0.
INLINE vi seen(const stack *s, int64_t r, int64_t k0, int64_t k1, int64_t j) {
	int32_t from = (int32_t)(s->from[r] - k0 - j), to = (int32_t)(le_min(s->to[r], k1) - k0 - j);
	return (lanes() >= splat_i(from)) & (lanes() < splat_i(to));
}

INLINE vf capped(float cap, vf s, vf *slope) {
	if (cap <= 0) {
		*slope = splat(1);
		return s;
	}
	vf t = vtanh(s / cap);
	*slope = 1.0f - t * t;
	return cap * t;
}

// c[MR, vectors·VL] = A·b over k units, or that added.
INLINE void block_tile(const int kind, const int vectors, const int order, int add, int64_t k, const float *a, int64_t s, const float *b,
	int64_t ldb, float *c, int64_t ldc) {
	vf acc[MR][NV];
	UNROLLED
	for (int m = 0; m < MR; m++)
		UNROLLED
		for (int v = 0; v < vectors; v++)
			acc[m][v] = add ? ld(c + m * ldc + v * VL) : (vf){0};
	for (; k > 0; k--) {
		vf bv[NV];
		UNROLLED
		for (int v = 0; v < vectors; v++)
			bv[v] = ld(b + v * VL);
		UNROLLED
		for (int m = 0; m < MR; m++) {
			vf x = splat(order == BY_COLUMNS ? a[m] : a[m * s]);
			UNROLLED
			for (int v = 0; v < vectors; v++)
				acc[m][v] = kind == PAIRS ? dot_pairs(acc[m][v], x, bv[v]) : acc[m][v] + x * bv[v];
		}
		b += ldb;
		a += order == BY_COLUMNS ? s : 1;
	}
	UNROLLED
	for (int m = 0; m < MR; m++)
		UNROLLED
		for (int v = 0; v < vectors; v++)
			st(c + m * ldc + v * VL, acc[m][v]);
}

// c[MR, n] = A·b over k units or that added, n a multiple of VL; all operands lie in padded working memory.
INLINE void block_product(const int kind, const int order, int add, int64_t n, int64_t k, const float *a, int64_t s, const float *b,
	int64_t ldb, float *c, int64_t ldc) {
	for (int64_t j = 0; j < n;) {
		int v = next_vectors((n - j) / VL);
		if (v == NV)
			block_tile(kind, NV, order, add, k, a, s, b + j, ldb, c + j, ldc);
		else if (v == 2)
			block_tile(kind, 2, order, add, k, a, s, b + j, ldb, c + j, ldc);
		else
			block_tile(kind, 1, order, add, k, a, s, b + j, ldb, c + j, ldc);
		j += v * VL;
	}
}

// n elements from element at on as units.
INLINE void units_at(const int kind, source s, int64_t at, int64_t n, float *to) {
	if (kind == PAIRS && s.bf16)
		bf16_units(halves(s, at), n, to);
	else
		row_units(kind, s.p + at, n, to);
}

// Units of two rows, of up to VL of the n elements from element low on and from high on; high
// below 0 is zeros.
INLINE vf pairs_at(source s, int64_t low, int64_t high, int64_t n) {
	if (!s.bf16)
		return pairs_of_rows(ld_to(s.p + low, n), high < 0 ? (vf){0} : ld_to(s.p + high, n));
	if (n >= VL && high >= 0)
		return bf16_pairs(halves(s, low), halves(s, high));
	uint16_t rest[2][VL] = {{0}};
	memcpy(rest[0], halves(s, low), (size_t)le_min(n, VL) * sizeof(uint16_t));
	if (high >= 0)
		memcpy(rest[1], halves(s, high), (size_t)le_min(n, VL) * sizeof(uint16_t));
	return bf16_pairs(rest[0], rest[1]);
}

// Units of keys k0 … k0+n-1 of a head, transposed: to[units, K_KEYS], zero beyond n.
INLINE void load_transposed(const int kind, const attention *a, source from, int64_t kv, int64_t k0, int64_t n, float *to) {
	int64_t row = a->kv_heads * a->dim, step = kind == PAIRS ? 2 * VL : VL, at = k0 * row + kv * a->dim;
	for (int64_t i0 = 0; i0 < le_round(n, KEY_STEP); i0 += VL)
		for (int64_t d = 0; d < a->dim; d += step) {
			vf r[VL];
			for (int64_t i = 0; i < VL; i++)
				if (i0 + i < n)
					units_at(kind, from, at + (i0 + i) * row + d, le_min(step, a->dim - d), (float *)&r[i]);
				else
					r[i] = (vf){0};
			transpose_vectors(r);
			UNROLLED
			for (int64_t i = 0; i < VL; i++)
				st(to + (units_of(kind, d) + i) * K_KEYS + i0, r[i]);
		}
}

// Columns d … d+VL-1 of a head's row.
INLINE vf part_of(const attention *a, const float *row, int64_t d) { return ld_to(row + d, a->dim - d); }

// Units of two keys of k0 … k0+n-1 of a head, or its rows: to[.., width], zero beyond n.
INLINE void load_keys(const int kind, const attention *a, source from, int64_t kv, int64_t k0, int64_t n, float *to) {
	int64_t row = a->kv_heads * a->dim, at = k0 * row + kv * a->dim;
	for (int64_t i = 0; i < le_round(n, KEY_STEP); i++, at += row)
		for (int64_t d = 0; d < a->dim; d += VL) {
			if (kind == FLOATS)
				st(to + i * a->width + d, i < n ? part_of(a, from.p + at, d) : (vf){0});
			else if (i % 2 == 0)
				st(to + i / 2 * a->width + d, i < n ? pairs_at(from, at + d, i + 1 < n ? at + row + d : -1, a->dim - d) : (vf){0});
		}
}

// How many rows ahead of a tile memory is asked for.
enum { ROWS_AHEAD = 2 * MR };

// Asks for row r of a stack of a matrix, to be written to with write.
INLINE void ask_for(const attention *a, const stack *s, source matrix, int64_t r, const int write) {
	if (r >= s->rows)
		return;
	int64_t bytes = matrix.bf16 ? 2 : 4;
	const char *row = (const char *)matrix.p + s->place[r] * a->dim * bytes;
	for (int64_t d = 0; d < a->dim * bytes; d += 64)
		if (write)
			__builtin_prefetch(row + d, 1);
		else
			__builtin_prefetch(row + d);
}

// Rows r … r+MR-1 of a stack as rows of units, [MR, line], and where pairs is
// given as units of two rows, [MR/2, width]; zero beyond the last.
INLINE void load_tile(const int kind, const attention *a, const stack *s, source matrix, int64_t r, float *rows, float *pairs) {
	const int both = kind == PAIRS && pairs;
	for (int64_t i = 0; i < MR; i += 2, rows += 2 * a->line) {
		int64_t row[2];
		for (int m = 0; m < 2; m++) {
			row[m] = s->place[r + i + m] * a->dim;
			ask_for(a, s, matrix, r + i + m + ROWS_AHEAD, 0);
			if (r + i + m < s->rows)
				units_at(kind, matrix, row[m], a->dim, rows + m * a->line);
			else
				memset(rows + m * a->line, 0, (size_t)a->line * sizeof(float));
		}
		for (int64_t d = 0; both && d < a->dim; d += VL)
			st(pairs + i / 2 * a->width + d, r + i < s->rows ? pairs_at(matrix, row[0] + d, r + i + 1 < s->rows ? row[1] + d : -1, a->dim - d) : (vf){0});
	}
}
