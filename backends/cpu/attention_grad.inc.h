// dq, dk and dv: a task has a block of keys and goes through the blocks of
// queries that see it. It sums dk and dv over queries and heads itself, and adds
// its part of dq when the blocks of keys before it have added theirs.

// Working memory of a task in floats; stacks are [stack_rows, …].
typedef struct {
	float *q, *d_o;         // rows of units
	float *q2, *d_o2;       // units of two rows; rows as they are with FLOATS
	float *p, *ds;          // [.., K_KEYS], likewise
	float *acc;             // [.., width]
	float *kt, *vt, *k;     // [line, K_KEYS] twice, [K_KEYS, width]
	float *dk, *dv;         // [K_KEYS, width]
} grad_work;

static int64_t grad_floats(const attention *a) {
	return stack_rows(a) * (2 * a->line + 3 * a->width + 2 * K_KEYS) + K_KEYS * (2 * a->line + 3 * a->width);
}

static grad_work grad_work_at(const attention *a, float *p, int kind) {
	int64_t rows = stack_rows(a);
	grad_work w;
	w.q = p, p += rows * a->line;
	w.d_o = p, p += rows * a->line;
	w.q2 = kind == PAIRS ? p : w.q, p += rows * a->width;
	w.d_o2 = kind == PAIRS ? p : w.d_o, p += rows * a->width;
	w.p = p, p += rows * K_KEYS;
	w.ds = p, p += rows * K_KEYS;
	w.acc = p, p += rows * a->width;
	w.kt = p, p += K_KEYS * a->line;
	w.vt = p, p += K_KEYS * a->line;
	w.k = p, p += K_KEYS * a->width;
	w.dk = p, p += K_KEYS * a->width;
	w.dv = p;
	return w;
}

// VL elements of p = exp(score − lse) and ds = p·(dp − Δ)·(slope of the cap) of row r.
INLINE void grads_of(const int all, const attention *a, const stack *s, int64_t r, int64_t k0, int64_t k1, int64_t j, const float *score,
	const float *dp, float lse, float delta, vf *p, vf *ds) {
	vf slope, x = capped(a->cap, ld(score + j) * a->scale, &slope);
	vf y = vexp(x - lse), d = (ld(dp + j) - delta) * y;
	if (a->cap > 0)
		d *= slope;
	if (!all) {
		vi mask = seen(s, r, k0, k1, j);
		y = (vf)((vi)y & mask), d = (vf)((vi)d & mask);
	}
	*p = y, *ds = d;
}

// p and ds of a tile of rows from their scores and dp = do·vᵀ, both [MR, K_KEYS]:
// as units of two rows into w, and ds as units of A in the place of dp from g->low on.
INLINE void grads_tile(const int kind, const int all, const attention *a, const stack *s, int64_t r, const sight *g, int64_t k0, int64_t k1,
	const float *lse, const float *delta, const float *score, float *dp, const grad_work *w) {
	for (int64_t i = 0; i < MR; i += 2) {
		const float *x0 = score + i * K_KEYS, *x1 = x0 + K_KEYS;
		float *d0 = dp + i * K_KEYS, *d1 = d0 + K_KEYS;
		for (int64_t j = g->low; j < g->high; j += 2 * VL) {
			vf p[2][2], ds[2][2];
			UNROLLED
			for (int v = 0; v < 2; v++) {
				int64_t at = j + v * VL;
				if (at >= g->high) {
					ds[0][v] = ds[1][v] = (vf){0};
					continue;
				}
				grads_of(all, a, s, r + i, k0, k1, at, x0, d0, lse[i], delta[i], &p[0][v], &ds[0][v]);
				grads_of(all, a, s, r + i + 1, k0, k1, at, x1, d1, lse[i + 1], delta[i + 1], &p[1][v], &ds[1][v]);
				if (kind == PAIRS) {
					st(w->p + (r + i) / 2 * K_KEYS + at, pairs_of_rows(p[0][v], p[1][v]));
					st(w->ds + (r + i) / 2 * K_KEYS + at, pairs_of_rows(ds[0][v], ds[1][v]));
					continue;
				}
				UNROLLED
				for (int m = 0; m < 2; m++) {
					st(w->p + (r + i + m) * K_KEYS + at, p[m][v]);
					st(w->ds + (r + i + m) * K_KEYS + at, ds[m][v]);
				}
			}
			if (kind == PAIRS) {
				st(d0 + g->low + (j - g->low) / 2, pairs_in_row(ds[0][0], ds[0][1]));
				st(d1 + g->low + (j - g->low) / 2, pairs_in_row(ds[1][0], ds[1][1]));
			}
		}
	}
}

// One tile of rows against a block of keys: p, ds, and acc[r, :] = ds·k.
INLINE void attention_grad_tile(const int kind, const attention *a, const stack *s, int64_t r, int64_t k0, int64_t k1, const grad_work *w) {
	float score[MR * K_KEYS] __attribute__((aligned(64))), dp[MR * K_KEYS] __attribute__((aligned(64))), lse[MR], delta[MR];
	sight g = sight_of(s, r, k0, k1);
	if (g.end <= g.low) {
		memset(w->acc + r * a->width, 0, (size_t)(MR * a->width) * sizeof(float));
		return;
	}
	for (int64_t i = 0; i < MR; i++) {
		int64_t at = s->place[r + i];
		lse[i] = r + i < s->rows ? a->lse[at] : 0, delta[i] = r + i < s->rows ? a->delta[at] : 0;
	}
	block_product(kind, BY_ROWS, 0, g.high - g.low, a->units, w->q + r * a->line, a->line, w->kt + g.low, K_KEYS, score + g.low, K_KEYS);
	block_product(kind, BY_ROWS, 0, g.high - g.low, a->units, w->d_o + r * a->line, a->line, w->vt + g.low, K_KEYS, dp + g.low, K_KEYS);
	if (g.all)
		grads_tile(kind, 1, a, s, r, &g, k0, k1, lse, delta, score, dp, w);
	else
		grads_tile(kind, 0, a, s, r, &g, k0, k1, lse, delta, score, dp, w);
	const float *ds = kind == PAIRS ? dp : w->ds + r * K_KEYS;
	block_product(kind, BY_ROWS, 0, a->width, units_of(kind, g.end - g.low), ds + g.low, K_KEYS, w->k + units_of(kind, g.low) * a->width, a->width,
		w->acc + r * a->width, a->width);
}

// Rows of a stack that see any of keys k0 … k1-1: from … to-1; to ≤ from is none.
static void rows_seeing(const stack *s, int64_t k0, int64_t k1, int64_t *from, int64_t *to) {
	*from = le_max(k0 - s->q0, 0) * s->heads;
	*to = s->rows;
	while (*to > *from && s->from[*to - 1] >= k1)
		*to -= s->heads;
}

// dk and dv of keys j … j+MR-1 of the block, over the rows that see them.
INLINE void key_grads_tile(const int kind, const attention *a, const stack *s, int64_t j, int64_t k0, int64_t k1, const grad_work *w) {
	int64_t from, to, unit = kind == PAIRS ? 2 : 1;
	rows_seeing(s, k0 + j, le_min(k0 + j + MR, k1), &from, &to);
	if (to <= from)
		return;
	from /= unit;
	int64_t n = le_div(to, unit) - from;
	block_product(kind, BY_COLUMNS, 1, a->width, n, w->p + from * K_KEYS + j, K_KEYS, w->d_o2 + from * a->width, a->width, w->dv + j * a->width, a->width);
	block_product(kind, BY_COLUMNS, 1, a->width, n, w->ds + from * K_KEYS + j, K_KEYS, w->q2 + from * a->width, a->width, w->dk + j * a->width, a->width);
}

// Adds scale·acc of rows from … to-1 of a stack to dq, or begins it with that, and zero elsewhere.
static void add_dq(const attention *a, const stack *s, int64_t from, int64_t to, int begins, const float *acc) {
	for (int64_t r = begins ? 0 : from; r < (begins ? s->rows : to); r++) {
		float *dq = a->dq + s->place[r] * a->dim;
		ask_for(a, s, (source){a->dq, 0}, r + ROWS_AHEAD, 1);
		for (int64_t d = 0; d < a->dim; d += VL) {
			vf x = r < from || r >= to ? (vf){0} : a->scale * ld(acc + r * a->width + d);
			st_to(dq + d, begins ? x : part_of(a, dq, d) + x, a->dim - d);
		}
	}
}

static void wait_for(_Atomic int32_t *count, int32_t wanted) {
	for (int spins = 0; atomic_load_explicit(count, memory_order_acquire) != wanted; spins++)
		le_relax(spins);
}

// What a task waits for has a place before it in a->tasks, so it was begun.
INLINE void attention_grad_task(const int kind, const attention *a, int64_t task, int thread) {
	int64_t kv = a->tasks[task] / a->k_blocks, block = a->tasks[task] % a->k_blocks, k0 = a->k_starts[block], k1 = a->k_starts[block + 1], n = k1 - k0;
	grad_work w = grad_work_at(a, a->e->local[thread].p, kind);
	stack s;
	memset(w.dk, 0, (size_t)(2 * K_KEYS * a->width) * sizeof(float));
	load_transposed(kind, a, a->k, kv, k0, n, w.kt);
	load_transposed(kind, a, a->v, kv, k0, n, w.vt);
	load_keys(kind, a, a->k, kv, k0, n, w.k);
	for (int64_t q = 0; q < a->q_blocks; q++) {
		int32_t before = a->order[block * a->q_blocks + q];
		if (before < 0)
			continue;
		_Atomic int32_t *added = &a->added[kv * a->q_blocks + q];
		for (int64_t index = 0; index < a->stacks; index++) {
			int64_t from, to;
			stack_at(a, kv, index, q, &s);
			rows_seeing(&s, k0, k1, &from, &to);
			int64_t first = from / MR * MR, end = le_round(to, MR);
			for (int64_t r = first; r < end; r += MR) {
				load_tile(kind, a, &s, a->q, r, w.q + r * a->line, w.q2 + r / 2 * a->width);
				load_tile(kind, a, &s, a->d_o, r, w.d_o + r * a->line, w.d_o2 + r / 2 * a->width);
				attention_grad_tile(kind, a, &s, r, k0, k1, &w);
			}
			for (int64_t j = 0; j < n; j += MR)
				key_grads_tile(kind, a, &s, j, k0, k1, &w);
			wait_for(added, before);
			add_dq(a, &s, from, to, before == 0, w.acc);
		}
		atomic_store_explicit(added, before + 1, memory_order_release);
	}
	for (int64_t j = 0; j < n; j++)
		for (int64_t d = 0; d < a->dim; d += VL) {
			int64_t at = ((k0 + j) * a->kv_heads + kv) * a->dim + d;
			st_to(a->dk + at, a->scale * ld(w.dk + j * a->width + d), a->dim - d);
			st_to(a->dv + at, ld(w.dv + j * a->width + d), a->dim - d);
		}
}

static void attention_grad_floats(void *context, int64_t task, int thread) { attention_grad_task(FLOATS, context, task, thread); }
#ifdef BF16_DOT
static void attention_grad_pairs(void *context, int64_t task, int thread) { attention_grad_task(PAIRS, context, task, thread); }
#else
#define attention_grad_pairs attention_grad_floats
#endif

// Head row i as floats, in work where it is of bfloat16.
INLINE const float *head_floats(const attention *a, source s, int64_t i, float *work) {
	if (!s.bf16)
		return s.p + i * a->dim;
	floats_of(s.p, LE_BF16, i * a->dim, a->dim, work);
	return work;
}

// Δ = Σ do·o of each row and head.
static void delta_task(void *context, int64_t task, int thread) {
	const attention *a = context;
	float *work = a->e->local[thread].p;
	for (int64_t i = task * ROWS * a->heads; i < le_min((task + 1) * ROWS, a->rows) * a->heads; i++)
		a->delta[i] = dot(head_floats(a, a->d_o, i, work), head_floats(a, a->o, i, work + a->width), a->dim);
}

// Whether any block of queries sees both block k and the one before.
static int linked(const attention *a, int64_t k) {
	for (int64_t q = 0; q < a->q_blocks; q++)
		if (a->order[k * a->q_blocks + q] > 0 && a->order[(k - 1) * a->q_blocks + q] >= 0)
			return 1;
	return 0;
}

// Lists the tasks (key head · k_blocks + block), those first that most others
// wait for in turn. Of the rest, neighbours are of one key head: they write far from
// each other, and do not wait for each other.
static void order_tasks(attention *a, int32_t *left) {
	int32_t longest = 0;
	for (int64_t k = a->k_blocks - 1; k >= 0; k--) {
		left[k] = k + 1 < a->k_blocks && linked(a, k + 1) ? left[k + 1] + 1 : 1;
		longest = (int32_t)le_max(longest, left[k]);
	}
	int64_t n = 0;
	for (int32_t level = longest; level > 0; level--)
		for (int64_t kv = 0; kv < a->kv_heads; kv++)
			for (int64_t k = 0; k < a->k_blocks; k++)
				if (left[k] == level)
					a->tasks[n++] = (int32_t)(kv * a->k_blocks + k);
}

// Fills in which blocks of queries see which blocks of keys, and the order of
// their sums and of the tasks; 0 without memory.
static int order_sums(attention *a) {
	int64_t pairs = a->k_blocks * a->q_blocks;
	a->order = le_shared(a->e, LE_SHARED_A, (pairs + a->k_blocks * (a->kv_heads + 1)) * (int64_t)sizeof *a->order);
	a->tasks = a->order + pairs;
	a->added = le_shared(a->e, LE_SHARED_B, a->kv_heads * a->q_blocks * (int64_t)sizeof *a->added);
	if (!a->order || !a->added)
		return 0;
	for (int64_t i = 0; i < a->kv_heads * a->q_blocks; i++)
		atomic_init(&a->added[i], 0);
	for (int64_t q = 0; q < a->q_blocks; q++) {
		int64_t q0 = a->q_starts[q], q1 = a->q_starts[q + 1];
		int32_t before = 0;
		for (int64_t k = 0; k < a->k_blocks; k++) {
			int64_t k0 = a->k_starts[k], k1 = a->k_starts[k + 1], t = le_max(q0, k0);
			int sees = t < q1 && lowest(a, t) < k1;
			a->order[k * a->q_blocks + q] = sees ? before++ : -1;
		}
	}
	order_tasks(a, a->tasks + a->k_blocks * a->kv_heads);
	return 1;
}

static int op_attention_grad(le_engine *e, const le_instr *in, const le_scalars *scalars) {
	(void)scalars;
	int kind = kind_of(in);
	attention a = attention_of(e, in, kind);
	a.o = source_of(&in->in[3]), a.lse = in->in[4].p, a.d_o = source_of(&in->in[5]), a.first = in->in[6].i;
	a.dq = in->out[0].p, a.dk = in->out[1].p, a.dv = in->out[2].p;
	a.delta = le_shared(e, LE_SHARED_SUMS, a.rows * a.heads * 4);
	if (!a.delta || !divide_all(&a) || !order_sums(&a) || !le_locals(e, grad_floats(&a) * 4))
		return 1;
	le_pool_spread(e->pool, le_div(a.rows, ROWS), delta_task, &a);
	le_pool_run(e->pool, a.k_blocks * a.kv_heads, kind == PAIRS ? attention_grad_pairs : attention_grad_floats, &a);
	return 0;
}
