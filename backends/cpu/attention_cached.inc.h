// Attention of new rows to a cache of keys and values.

typedef struct {
	attention a;
	int64_t past, cache_rows;
} cached;

// Scores become exp(score − max), zero from n up to whole vectors; returns their sum.
static float softmax_of(float cap, float *scores, int64_t n) {
	vf top = splat(-INFINITY), sum = {0}, slope;
	vi end = splat_i((int32_t)n);
	for (int64_t j = 0; j < n; j += VL) {
		vf x = pick(lanes() + (int32_t)j < end, capped(cap, ld(scores + j), &slope), splat(-INFINITY));
		st(scores + j, x);
		top = vmax(x, top);
	}
	float max = max_of(top);
	for (int64_t j = 0; j < n; j += VL) {
		vf p = (vf)((vi)vexp(ld(scores + j) - max) & (lanes() + (int32_t)j < end));
		st(scores + j, p);
		sum += p;
	}
	return sum_of(sum);
}

// One row and one key head: its query heads against the cache.
static void attention_cached_task(void *context, int64_t task, int thread) {
	const cached *c = context;
	const attention *a = &c->a;
	int64_t r = task / a->kv_heads, kv = task % a->kv_heads, group = a->heads / a->kv_heads, t = c->past + r;
	int64_t low = a->window > 0 ? le_max(0, t - a->window + 1) : 0, n = t + 1 - low, step = a->kv_heads * a->dim;
	const float *k = a->k.p + low * step + kv * a->dim, *v = a->v.p + low * step + kv * a->dim;
	float *scores = a->e->local[thread].p;
	for (int64_t g = 0; g < group; g++) {
		int64_t at = (r * a->heads + kv * group + g) * a->dim;
		float *out = a->out->p + at;
		for (int64_t j = 0; j < n; j++)
			scores[j] = a->scale * dot(a->q.p + at, k + j * step, a->dim);
		float sum = softmax_of(a->cap, scores, n);
		for (int64_t d = 0; d < a->dim; d += VL) {
			vf acc = {0};
			for (int64_t j = 0; j < n; j++)
				acc += scores[j] * part_of(a, v + j * step, d);
			st_to(out + d, acc / sum, a->dim - d);
		}
	}
}

static int op_attention_cached(le_engine *e, const le_instr *in, const le_scalars *s) {
	cached c = {attention_of(e, in, FLOATS), s->past, in->in[1].rows};
	c.a.out = &in->out[0];
	if (!le_locals(e, le_round(c.cache_rows, VL) * 4))
		return 1;
	le_pool_run(e->pool, s->tokens * c.a.kv_heads, attention_cached_task, &c);
	return 0;
}
