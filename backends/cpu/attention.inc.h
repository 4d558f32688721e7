// Attention without a T×T matrix (Dao, FlashAttention-2, 2023): blocks of
// queries against blocks of keys. Query heads that share a key head are
// stacked, so that a packed block of keys serves them all. All sums have one
// order: o over blocks of keys in one task; in the backward pass a task has a
// block of keys, sums dk and dv over queries and heads itself, and adds its
// part of dq when the blocks of keys before it have added theirs.

enum {
	Q_BLOCK = 64, // a multiple of every MR
	K_KEYS = 96,  // keys of a block: a multiple of every MR and NR
	STACK = 4,    // query heads stacked at most
	MAX_Q = STACK * Q_BLOCK,
};

typedef struct {
	le_engine *e;
	const float *q, *k, *v, *o, *lse, *d_o;
	const int32_t *first, *last;
	float *out, *out_lse, *dq, *dk, *dv, *delta;
	int64_t rows, heads, kv_heads, dim, width; // width: dim rounded up to whole vectors
	int64_t window, stacks;                    // stacks: how many a key head's queries make
	float scale, cap;
	// Block b of queries is rows q_starts[b] … q_starts[b+1]-1; keys likewise.
	int64_t *q_starts, *k_starts, q_blocks, k_blocks;
	int32_t *order;         // [k_blocks, q_blocks]: how many blocks of keys come before at dq, -1 where none is seen
	_Atomic int32_t *added; // [kv_heads, q_blocks]: how many have added
} attention;

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

// Fills in the blocks; 0 without memory.
static int divide_all(attention *a) {
	int64_t *starts = le_shared(a->e, LE_SHARED_KEYS, 2 * (a->rows + 1) * (int64_t)sizeof *starts);
	if (!starts)
		return 0;
	a->q_starts = starts, a->k_starts = starts + a->rows + 1;
	a->q_blocks = divide(a->first, a->rows, Q_BLOCK, a->q_starts);
	a->k_blocks = divide(a->first, a->rows, K_KEYS, a->k_starts);
	return 1;
}

static attention attention_of(le_engine *e, const le_instr *in) {
	attention a = {.e = e, .q = in->in[0].p, .k = in->in[1].p, .v = in->in[2].p, .rows = in->in[0].rows};
	a.heads = in->heads, a.kv_heads = in->kv_heads, a.dim = in->head_dim, a.width = le_round(a.dim, VL);
	a.window = in->window, a.scale = in->scale, a.cap = in->soft_cap;
	a.stacks = le_div(a.heads / a.kv_heads, STACK);
	return a;
}

// Row t sees keys lowest(t) … t.
INLINE int64_t lowest(const attention *a, int64_t t) {
	int64_t low = a->first[t];
	return a->window > 0 ? le_max(low, t - a->window + 1) : low;
}

// A block of queries of stacked heads: row h·Q_BLOCK + i is query q0 + i of head h0 + h.
typedef struct {
	int64_t q0, count, h0, heads, kv;
} stack;

static stack stack_at(const attention *a, int64_t kv, int64_t index, int64_t block) {
	int64_t group = a->heads / a->kv_heads, q0 = a->q_starts[block];
	stack s = {.q0 = q0, .count = a->q_starts[block + 1] - q0, .kv = kv, .h0 = kv * group + index * STACK};
	s.heads = le_min(STACK, (kv + 1) * group - s.h0);
	return s;
}

// Queries of a block that see any of keys k0 … k1-1: from, a multiple of MR, to
// before to, a multiple too.
static void seeing(const attention *a, const stack *s, int64_t k0, int64_t k1, int64_t *from, int64_t *to) {
	int64_t f = le_max(k0 - s->q0, 0), t = s->count;
	while (t > f && lowest(a, s->q0 + t - 1) >= k1)
		t--;
	*from = f / MR * MR;
	*to = t > f ? le_round(t, MR) : *from;
}

static void load_stack(const attention *a, const stack *s, const float *from, float scale, float *to) {
	int64_t ld = a->heads * a->dim;
	for (int64_t h = 0; h < s->heads; h++)
		copy_padded(to + h * Q_BLOCK * a->width, a->width, le_round(s->count, MR), from + s->q0 * ld + (s->h0 + h) * a->dim, ld, s->count, a->dim, scale);
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

// The lanes of columns j … that lie in [from, to).
INLINE vi inside(int64_t j, int64_t from, int64_t to) {
	vi at = lanes() + (int32_t)j;
	return (at >= splat_i((int32_t)from)) & (at < splat_i((int32_t)to));
}

// Which of keys k0 … k1-1 query t sees, counted from k0; to ≤ from is none.
INLINE void keys_of(const attention *a, const stack *s, int64_t i, int64_t k0, int64_t k1, int64_t *from, int64_t *to) {
	*from = *to = 0;
	if (i < s->count) {
		*from = le_max(lowest(a, s->q0 + i), k0) - k0;
		*to = le_min(s->q0 + i + 1, k1) - k0;
	}
}

// Scores low … high-1 of a row, of which from … to-1 are seen, become
// exp(score − max); returns their sum and the new max.
static float softmax_row(float cap, float *row, int64_t low, int64_t high, int64_t from, int64_t to, float *max) {
	vf top = splat(-INFINITY), sum = {0}, slope;
	for (int64_t j = low; j < high; j += VL) {
		vf x = pick(inside(j, from, to), capped(cap, ld(row + j), &slope), splat(-INFINITY));
		st(row + j, x);
		top = vmax(x, top);
	}
	float m = max_of(top);
	*max = m = m > *max ? m : *max;
	for (int64_t j = low; j < high; j += VL) {
		vf p = (vf)((vi)vexp(ld(row + j) - m) & inside(j, from, to));
		st(row + j, p);
		sum += p;
	}
	return sum_of(sum);
}

// Scores are computed for n keys and zeros up to whole vectors and tiles.
enum { KEY_STEP = VL > MR ? VL : MR };
INLINE int64_t padded_keys(int64_t n) { return le_round(n, KEY_STEP); }

// What MR queries from i on see of keys k0 … k0+n-1, in whole steps counted from
// k0; high ≤ low is none. The first of them sees the earliest key.
INLINE void tile_keys(const attention *a, const stack *s, int64_t i, int64_t k0, int64_t n, int64_t *low, int64_t *high) {
	*low = *high = 0;
	if (i >= s->count)
		return;
	*low = le_max(lowest(a, s->q0 + i) - k0, 0) / KEY_STEP * KEY_STEP;
	*high = padded_keys(le_min(le_max(s->q0 + le_min(i + MR, s->count) - k0, 0), n));
}

// Which queries see keys j … j+MR-1 of n counted from k0; to ≤ from is none.
INLINE void tile_queries(const attention *a, const stack *s, int64_t j, int64_t k0, int64_t n, int64_t *from, int64_t *to) {
	*from = le_max(k0 + j - s->q0, 0);
	*to = s->count;
	while (*to > *from && lowest(a, s->q0 + *to - 1) >= k0 + le_min(j + MR, n))
		(*to)--;
}

// Scores of queries from … to of a head: to[i, keys] = q·kᵀ.
static void scores_of(const attention *a, const stack *s, int64_t h, int64_t from, int64_t to, int64_t k0, int64_t n, const float *q,
	const float *kt, float *scores) {
	for (int64_t i = from; i < to; i += MR) {
		int64_t r = h * Q_BLOCK + i, low, high;
		tile_keys(a, s, i, k0, n, &low, &high);
		if (high > low)
			small_product(BY_ROWS, MR, high - low, a->dim, q + r * a->width, a->width, kt + low, K_KEYS, scores + r * K_KEYS + low, K_KEYS, 0);
	}
}

// to[i, :] += Σ over its keys of scores[i, key]·v[key, :].
static void sums_of(const attention *a, const stack *s, int64_t h, int64_t from, int64_t to, int64_t k0, int64_t n, const float *scores,
	const float *v, float *sums) {
	for (int64_t i = from; i < to; i += MR) {
		int64_t r = h * Q_BLOCK + i, low, high;
		tile_keys(a, s, i, k0, n, &low, &high);
		if (high > low)
			small_product(BY_ROWS, MR, a->width, high - low, scores + r * K_KEYS + low, K_KEYS, v + low * a->width, a->width, sums + r * a->width, a->width, 1);
	}
}

// Working memory of a task of any pass, in floats.
typedef struct {
	float *q, *d_o, *s, *dp, *acc, *acc2; // stacks [MAX_Q, width]; s, dp [MAX_Q, K_KEYS]
	float *kt, *vt, *k, *v;               // [dim, K_KEYS], [K_KEYS, width]
} attention_work;

static int64_t attention_floats(int64_t width) {
	return 3 * MAX_Q * width + 2 * MAX_Q * K_KEYS + 6 * K_KEYS * width;
}

static attention_work work_at(float *p, int64_t width) {
	attention_work w;
	w.q = p, p += MAX_Q * width;
	w.d_o = p, p += MAX_Q * width;
	w.acc = p, p += MAX_Q * width;
	w.s = p, p += MAX_Q * K_KEYS;
	w.dp = p, p += MAX_Q * K_KEYS;
	w.kt = p, p += K_KEYS * width;
	w.vt = p, p += K_KEYS * width;
	w.k = p, p += K_KEYS * width;
	w.v = p, p += K_KEYS * width;
	w.acc2 = p; // two of [K_KEYS, width], for dk and dv
	return w;
}

static const float *head_row(const attention *a, const float *p, int64_t kv, int64_t row) {
	return p + (row * a->kv_heads + kv) * a->dim;
}

static void load_keys(const attention *a, const float *from, int64_t kv, int64_t k0, int64_t n, float *to) {
	copy_padded(to, a->width, K_KEYS, head_row(a, from, kv, k0), a->kv_heads * a->dim, n, a->dim, 1);
}
static void load_transposed(const attention *a, const float *from, int64_t kv, int64_t k0, int64_t n, float *to) {
	transpose(to, K_KEYS, padded_keys(n), head_row(a, from, kv, k0), a->kv_heads * a->dim, n, a->dim, 1);
}

// Later blocks of queries see more keys: they go first.
static stack task_stack(const attention *a, int64_t task) {
	int64_t each = a->kv_heads * a->stacks;
	return stack_at(a, task % each / a->stacks, task % a->stacks, a->q_blocks - 1 - task / each);
}

static int64_t first_key(const attention *a, const stack *s) {
	int64_t low = s->q0;
	for (int64_t i = 0; i < s->count; i++)
		low = le_min(low, lowest(a, s->q0 + i));
	return low;
}

static void attention_task(void *context, int64_t task, int thread) {
	const attention *a = context;
	attention_work w = work_at(a->e->local[thread].p, a->width);
	stack s = task_stack(a, task);
	float max[MAX_Q], sum[MAX_Q];
	for (int64_t i = 0; i < MAX_Q; i++)
		max[i] = -INFINITY, sum[i] = 0;
	load_stack(a, &s, a->q, a->scale, w.q);
	memset(w.acc, 0, (size_t)(s.heads * Q_BLOCK * a->width) * sizeof(float));
	for (int64_t k0 = first_key(a, &s); k0 < s.q0 + s.count; k0 += K_KEYS) {
		int64_t n = le_min(K_KEYS, s.q0 + s.count - k0), from, to;
		seeing(a, &s, k0, k0 + n, &from, &to);
		load_transposed(a, a->k, s.kv, k0, n, w.kt);
		load_keys(a, a->v, s.kv, k0, n, w.v);
		for (int64_t h = 0; h < s.heads && to > from; h++) {
			scores_of(a, &s, h, from, to, k0, n, w.q, w.kt, w.s);
			for (int64_t i = from; i < to; i++) {
				int64_t r = h * Q_BLOCK + i, k_from, k_to, low, high;
				keys_of(a, &s, i, k0, k0 + n, &k_from, &k_to);
				tile_keys(a, &s, i / MR * MR, k0, n, &low, &high);
				if (k_to <= k_from) {
					memset(w.s + r * K_KEYS + low, 0, (size_t)le_max(high - low, 0) * sizeof(float));
					continue;
				}
				float before = max[r], part = softmax_row(a->cap, w.s + r * K_KEYS, low, high, k_from, k_to, &max[r]);
				float shrink = before == max[r] ? 1 : expf(before - max[r]);
				sum[r] = sum[r] * shrink + part;
				if (shrink != 1)
					for (int64_t c = 0; c < a->width; c += VL)
						st(w.acc + r * a->width + c, ld(w.acc + r * a->width + c) * shrink);
			}
			sums_of(a, &s, h, from, to, k0, n, w.s, w.v, w.acc);
		}
	}
	for (int64_t h = 0; h < s.heads; h++)
		for (int64_t i = 0; i < s.count; i++) {
			int64_t r = h * Q_BLOCK + i, at = (s.q0 + i) * a->heads + s.h0 + h;
			for (int64_t c = 0; c < a->dim; c++)
				a->out[at * a->dim + c] = w.acc[r * a->width + c] / sum[r];
			a->out_lse[at] = max[r] + logf(sum[r]);
		}
}

static int op_attention(le_engine *e, const le_instr *in, const le_scalars *s) {
	(void)s;
	attention a = attention_of(e, in);
	a.first = in->in[3].i, a.last = in->in[4].i, a.out = in->out[0].p, a.out_lse = in->out[1].p;
	if (!divide_all(&a) || !le_locals(e, attention_floats(a.width) * 4))
		return 1;
	le_pool_run(e->pool, a.q_blocks * a.kv_heads * a.stacks, attention_task, &a);
	return 0;
}

// P = exp(score − lse) into s and dS = P·(dP − Δ)·(slope of the cap) into dp,
// for rows from … to of every head, given dO·Vᵀ in dp.
static void score_grads(const attention *a, const stack *s, const attention_work *w, int64_t h, int64_t from, int64_t to,
	int64_t k0, int64_t n) {
	scores_of(a, s, h, from, to, k0, n, w->q, w->kt, w->s);
	scores_of(a, s, h, from, to, k0, n, w->d_o, w->vt, w->dp);
	for (int64_t i = from; i < to; i++) {
		int64_t k_from, k_to, low, high, at = (s->q0 + i) * a->heads + s->h0 + h;
		float *p = w->s + (h * Q_BLOCK + i) * K_KEYS, *dp = w->dp + (h * Q_BLOCK + i) * K_KEYS;
		keys_of(a, s, i, k0, k0 + n, &k_from, &k_to);
		tile_keys(a, s, i / MR * MR, k0, n, &low, &high);
		if (k_to <= k_from) {
			memset(p + low, 0, (size_t)le_max(high - low, 0) * sizeof(float));
			memset(dp + low, 0, (size_t)le_max(high - low, 0) * sizeof(float));
			continue;
		}
		for (int64_t j = low; j < high; j += VL) {
			vi seen = inside(j, k_from, k_to);
			vf slope, x = capped(a->cap, ld(p + j), &slope);
			vf y = (vf)((vi)vexp(x - a->lse[at]) & seen);
			st(p + j, y);
			st(dp + j, (vf)((vi)(y * (ld(dp + j) - a->delta[at]) * slope) & seen));
		}
	}
}

// One past the last query that sees any of n keys from k0 on.
static int64_t last_query(const attention *a, int64_t k0, int64_t n) {
	int64_t end = 0;
	for (int64_t j = k0; j < k0 + n; j++)
		end = le_max(end, 1 + (a->window > 0 ? le_min(a->last[j], j + a->window - 1) : a->last[j]));
	return end;
}

// Fills in which blocks of queries see which blocks of keys, and the order of
// their sums; 0 without memory.
static int order_sums(attention *a) {
	a->order = le_shared(a->e, LE_SHARED_A, a->k_blocks * a->q_blocks * (int64_t)sizeof *a->order);
	a->added = le_shared(a->e, LE_SHARED_B, a->kv_heads * a->q_blocks * (int64_t)sizeof *a->added);
	if (!a->order || !a->added)
		return 0;
	for (int64_t i = 0; i < a->kv_heads * a->q_blocks; i++)
		atomic_init(&a->added[i], 0);
	for (int64_t k = 0; k < a->k_blocks; k++) {
		int64_t k0 = a->k_starts[k], k1 = a->k_starts[k + 1], end = last_query(a, k0, k1 - k0);
		for (int64_t q = 0; q < a->q_blocks; q++) {
			stack s = stack_at(a, 0, 0, q);
			int64_t from = 0, to = 0, before = 0;
			if (s.q0 < end && s.q0 + s.count > k0)
				seeing(a, &s, k0, k1, &from, &to);
			for (int64_t b = k - 1; b >= 0 && before == 0; b--)
				before = a->order[b * a->q_blocks + q] + 1;
			a->order[k * a->q_blocks + q] = to > from ? (int32_t)before : -1;
		}
	}
	return 1;
}

static void wait_for(_Atomic int32_t *count, int32_t wanted) {
	for (int spins = 0; atomic_load_explicit(count, memory_order_acquire) != wanted; spins++)
		le_relax(spins);
}

// Adds rows from … to of acc to dq.
static void add_dq(const attention *a, const stack *s, int64_t h, int64_t from, int64_t to, const float *acc) {
	for (int64_t i = from; i < le_min(to, s->count); i++) {
		float *dq = a->dq + ((s->q0 + i) * a->heads + s->h0 + h) * a->dim;
		for (int64_t c = 0; c < a->dim; c++)
			dq[c] += a->scale * acc[(h * Q_BLOCK + i) * a->width + c];
	}
}

// Tasks count through key heads, then blocks of keys in ascending order: what
// a task waits for was begun before it.
static void attention_grad_task(void *context, int64_t task, int thread) {
	const attention *a = context;
	attention_work w = work_at(a->e->local[thread].p, a->width);
	int64_t kv = task % a->kv_heads, block = task / a->kv_heads, k0 = a->k_starts[block], n = a->k_starts[block + 1] - k0;
	float *dk = w.acc2, *dv = w.acc2 + K_KEYS * a->width;
	memset(dk, 0, (size_t)(2 * K_KEYS * a->width) * sizeof(float));
	load_transposed(a, a->k, kv, k0, n, w.kt);
	load_transposed(a, a->v, kv, k0, n, w.vt);
	load_keys(a, a->k, kv, k0, n, w.k);
	for (int64_t q = 0; q < a->q_blocks; q++) {
		int32_t before = a->order[block * a->q_blocks + q];
		if (before < 0)
			continue;
		_Atomic int32_t *added = &a->added[kv * a->q_blocks + q];
		for (int64_t index = 0; index < a->stacks; index++) {
			stack s = stack_at(a, kv, index, q);
			int64_t from, to;
			seeing(a, &s, k0, k0 + n, &from, &to);
			load_stack(a, &s, a->q, a->scale, w.q);
			load_stack(a, &s, a->d_o, 1, w.d_o);
			for (int64_t h = 0; h < s.heads; h++) {
				score_grads(a, &s, &w, h, from, to, k0, n);
				for (int64_t j = 0; j < n; j += MR) {
					int64_t first, end, r;
					tile_queries(a, &s, j, k0, n, &first, &end);
					if (end <= first)
						continue;
					r = h * Q_BLOCK + first;
					small_product(BY_COLUMNS, MR, a->width, end - first, w.s + r * K_KEYS + j, K_KEYS, w.d_o + r * a->width, a->width, dv + j * a->width, a->width, 1);
					small_product(BY_COLUMNS, MR, a->width, end - first, w.dp + r * K_KEYS + j, K_KEYS, w.q + r * a->width, a->width, dk + j * a->width, a->width, 1);
				}
				memset(w.acc + (h * Q_BLOCK + from) * a->width, 0, (size_t)((to - from) * a->width) * sizeof(float));
				sums_of(a, &s, h, from, to, k0, n, w.dp, w.k, w.acc);
			}
			wait_for(added, before);
			for (int64_t h = 0; h < s.heads; h++)
				add_dq(a, &s, h, from, to, w.acc);
		}
		atomic_store_explicit(added, before + 1, memory_order_release);
	}
	for (int64_t j = 0; j < n; j++)
		for (int64_t c = 0; c < a->dim; c++) {
			int64_t at = ((k0 + j) * a->kv_heads + kv) * a->dim + c;
			a->dk[at] = dk[j * a->width + c];
			a->dv[at] = dv[j * a->width + c];
		}
}

// Δ = Σ do·o of each row and head; dq begins at zero.
static void delta_task(void *context, int64_t task, int thread) {
	(void)thread;
	const attention *a = context;
	for (int64_t i = task * ROWS * a->heads; i < le_min((task + 1) * ROWS, a->rows) * a->heads; i++)
		a->delta[i] = dot(a->d_o + i * a->dim, a->o + i * a->dim, a->dim);
	int64_t row = a->heads * a->dim, from = task * ROWS, to = le_min(from + ROWS, a->rows);
	memset(a->dq + from * row, 0, (size_t)((to - from) * row) * sizeof(float));
}

static int op_attention_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	(void)s;
	attention a = attention_of(e, in);
	a.o = in->in[3].p, a.lse = in->in[4].p, a.d_o = in->in[5].p, a.first = in->in[6].i, a.last = in->in[7].i;
	a.dq = in->out[0].p, a.dk = in->out[1].p, a.dv = in->out[2].p;
	a.delta = le_shared(e, LE_SHARED_SUMS, a.rows * a.heads * 4);
	if (!a.delta || !divide_all(&a) || !order_sums(&a) || !le_locals(e, attention_floats(a.width) * 4))
		return 1;
	le_pool_run(e->pool, le_div(a.rows, ROWS), delta_task, &a);
	le_pool_run(e->pool, a.k_blocks * a.kv_heads, attention_grad_task, &a);
	return 0;
}

typedef struct {
	attention a;
	int64_t past, cache_rows;
} cached;

// One row and one key head: its query heads against the cache.
static void attention_cached_task(void *context, int64_t task, int thread) {
	const cached *c = context;
	const attention *a = &c->a;
	int64_t r = task / a->kv_heads, kv = task % a->kv_heads, group = a->heads / a->kv_heads, t = c->past + r;
	int64_t low = a->window > 0 ? le_max(0, t - a->window + 1) : 0, n = t + 1 - low, padded = le_round(n, VL);
	float *scores = a->e->local[thread].p;
	for (int64_t g = 0; g < group; g++) {
		int64_t at = (r * a->heads + kv * group + g) * a->dim;
		float *out = a->out + at, max = -INFINITY;
		for (int64_t j = 0; j < n; j++)
			scores[j] = a->scale * dot(a->q + at, head_row(a, a->k, kv, low + j), a->dim);
		float sum = softmax_row(a->cap, scores, 0, padded, 0, n, &max);
		for (int64_t d = 0; d < a->dim; d += VL) {
			vf acc = {0};
			for (int64_t j = 0; j < n; j++)
				acc += scores[j] * ld_to(head_row(a, a->v, kv, low + j) + d, a->dim - d);
			st_to(out + d, acc / sum, a->dim - d);
		}
	}
}

static int op_attention_cached(le_engine *e, const le_instr *in, const le_scalars *s) {
	cached c = {attention_of(e, in), s->past, in->in[1].rows};
	c.a.out = in->out[0].p;
	if (!le_locals(e, le_round(c.cache_rows, VL) * 4))
		return 1;
	le_pool_run(e->pool, s->tokens * c.a.kv_heads, attention_cached_task, &c);
	return 0;
}
