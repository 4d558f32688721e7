// o = softmax(cap(scale·q·kᵀ))·v: a task has a block of queries, and goes
// through the blocks of keys that they see.

// What a task keeps of its rows: exponentials are of score − max; their sums
// are kept lane by lane.
typedef struct {
	float max[MAX_Q];
	vf sum[MAX_Q];
} softmax;

// The largest score that a row's maximum may be below, so that what was summed
// up is seldom rescaled: e⁸ is far from float32's and bfloat16's ends.
static const float MAX_SLACK = 8;

// Scores of row r become exp(score − max) as units of A in their place from
// g->low on, those that are not seen 0; returns by what the row's sums of before
// are to be multiplied.
INLINE float softmax_row(const int kind, const int all, const attention *a, const stack *s, int64_t r, const sight *g, int64_t k0, int64_t k1,
	float *row, softmax *m) {
	vf top = splat(-INFINITY), slope;
	float scale = a->scale;
	for (int64_t j = g->low; j < g->high; j += VL) {
		vf x = ld(row + j) * scale;
		if (a->cap > 0)
			st(row + j, x = capped(a->cap, x, &slope));
		top = vmax(all ? x : pick(seen(s, r, k0, k1, j), x, splat(-INFINITY)), top);
	}
	if (a->cap > 0)
		scale = 1;
	float before = m->max[r], now = max_of(top), shrink = 1;
	if (now > before + MAX_SLACK || (before == -INFINITY && now > before)) {
		shrink = expf(before - now);
		m->max[r] = now;
	}
	now = m->max[r] == -INFINITY ? 0 : m->max[r];
	vf sum = m->sum[r] * shrink, x[2];
	for (int64_t j = g->low; j < g->high; j += 2 * VL) {
		UNROLLED
		for (int i = 0; i < 2; i++) {
			x[i] = (vf){0};
			if (j + i * VL >= g->high)
				continue;
			x[i] = vexp(ld(row + j + i * VL) * scale - now);
			if (!all)
				x[i] = (vf)((vi)x[i] & seen(s, r, k0, k1, j + i * VL));
			sum += x[i];
			if (kind == FLOATS)
				st(row + j + i * VL, x[i]);
		}
		if (kind == PAIRS)
			st(row + g->low + (j - g->low) / 2, pairs_in_row(x[0], x[1]));
	}
	m->sum[r] = sum;
	return shrink;
}

// o and lse of a tile's rows from their sums.
INLINE void finish_tile(const attention *a, const stack *s, int64_t r, const softmax *m, const float *acc) {
	for (int64_t i = 0; i < MR && r + i < s->rows; i++) {
		int64_t at = s->place[r + i];
		float sum = sum_of(m->sum[r + i]);
		for (int64_t d = 0; d < a->dim; d += VL)
			put(a->out, at * a->dim + d, ld(acc + (r + i) * a->width + d) * (1 / sum), a->dim - d);
		a->out_lse[at] = m->max[r + i] + logf(sum);
	}
}

// One tile of rows against a block of keys: scores, softmax, and acc[r, :] += p·v.
INLINE void attention_tile(const int kind, const attention *a, const stack *s, int64_t r, int64_t k0, int64_t k1, const float *q, const float *kt,
	const float *v, softmax *m, float *acc) {
	int first = s->from[r] >= k0, last = s->to[r + MR - 1] <= k1;
	float p[MR * K_KEYS] __attribute__((aligned(64)));
	sight g = sight_of(s, r, k0, k1);
	block_product(kind, BY_ROWS, 0, g.high - g.low, a->units, q + r * a->line, a->line, kt + g.low, K_KEYS, p + g.low, K_KEYS);
	for (int i = 0; i < MR; i++) {
		float *row = p + i * K_KEYS;
		float shrink = g.all ? softmax_row(kind, 1, a, s, r + i, &g, k0, k1, row, m) : softmax_row(kind, 0, a, s, r + i, &g, k0, k1, row, m);
		if (shrink != 1 && !first)
			for (int64_t d = 0; d < a->width; d += VL)
				st(acc + (r + i) * a->width + d, ld(acc + (r + i) * a->width + d) * shrink);
	}
	block_product(kind, BY_ROWS, !first, a->width, units_of(kind, g.end - g.low), p + g.low, K_KEYS, v + units_of(kind, g.low) * a->width, a->width,
		acc + r * a->width, a->width);
	if (last)
		finish_tile(a, s, r, m, acc);
}

// Working memory of a task in floats: q, acc; kt, v.
static int64_t forward_floats(const attention *a) { return stack_rows(a) * (a->line + a->width) + K_KEYS * (a->line + a->width); }

INLINE void attention_task(const int kind, const attention *a, int64_t task, int thread) {
	float *q = a->e->local[thread].p, *acc = q + stack_rows(a) * a->line, *kt = acc + stack_rows(a) * a->width, *v = kt + K_KEYS * a->line;
	int64_t block = task % a->q_blocks, index = task / a->q_blocks;
	stack s;
	softmax m;
	stack_at(a, index / a->stacks, index % a->stacks, a->turn[block], &s);
	int64_t rows = le_round(s.rows, MR), end = s.q0 + s.count;
	for (int64_t r = 0; r < rows; r++)
		m.max[r] = -INFINITY, m.sum[r] = (vf){0};
	for (int64_t k0 = s.from[0]; k0 < end; k0 += a->keys) {
		int64_t k1 = le_min(k0 + a->keys, end);
		load_transposed(kind, a, a->k, s.kv, k0, k1 - k0, kt);
		load_keys(kind, a, a->v, s.kv, k0, k1 - k0, v);
		for (int64_t r = 0; r < rows; r += MR)
			if (s.to[r + MR - 1] > k0 && s.from[r] < k1) {
				if (s.from[r] >= k0)
					load_tile(kind, a, &s, a->q, r, q + r * a->line, NULL);
				attention_tile(kind, a, &s, r, k0, k1, q, kt, v, &m, acc);
			}
	}
}

static void attention_floats(void *context, int64_t task, int thread) { attention_task(FLOATS, context, task, thread); }
#ifdef BF16_DOT
static void attention_pairs(void *context, int64_t task, int thread) { attention_task(PAIRS, context, task, thread); }
#else
#define attention_pairs attention_floats
#endif

// Blocks by what they cost, the dearest first, so that no thread is left with
// a long one at the end.
static int64_t pairs_of_block(const attention *a, int64_t b) {
	int64_t q0 = a->q_starts[b], q1 = a->q_starts[b + 1];
	return (q1 - q0) * (q1 - lowest(a, q0));
}
static void sort_blocks(attention *a) {
	for (int64_t i = 0; i < a->q_blocks; i++)
		a->turn[i] = i;
	for (int64_t gap = a->q_blocks / 2; gap > 0; gap /= 2)
		for (int64_t i = gap; i < a->q_blocks; i++) {
			int64_t b = a->turn[i], cost = pairs_of_block(a, b), j = i;
			for (; j >= gap && pairs_of_block(a, a->turn[j - gap]) < cost; j -= gap)
				a->turn[j] = a->turn[j - gap];
			a->turn[j] = b;
		}
}

static int op_attention(le_engine *e, const le_instr *in, const le_scalars *scalars) {
	(void)scalars;
	int kind = kind_of(in);
	attention a = attention_of(e, in, kind);
	a.first = in->in[3].i, a.out = &in->out[0], a.out_lse = in->out[1].p;
	if (!divide_all(&a) || !le_locals(e, forward_floats(&a) * 4))
		return 1;
	sort_blocks(&a);
	le_pool_run(e->pool, a.q_blocks * a.kv_heads * a.stacks, kind == PAIRS ? attention_pairs : attention_floats, &a);
	return 0;
}
