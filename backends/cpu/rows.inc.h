// Instructions that work row by row, column by column or element by element.

typedef struct {
	le_engine *e;
	const le_instr *in;
	const le_scalars *s;
	void *more;
} job;

// Up to VL of the n elements that are left, to element at of an output that may be of bfloat16.
INLINE void put(const le_mat *m, int64_t at, vf x, int64_t n) {
	if (m->dtype == LE_BF16)
		st_bf16_to((uint16_t *)m->p + at, x, n);
	else
		st_to(m->p + at, x, n);
}

enum { ROWS = 16, COLUMNS = 64, ELEMENTS = 1 << 15 };

static void each_rows(job *j, int64_t rows, le_task f) { le_pool_spread(j->e->pool, le_div(rows, ROWS), f, j); }

static void embed_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *ids = &j->in->in[0], *y = &j->in->out[0];
	factor table = factor_of(j->e, &j->in->in[1]);
	for (int64_t r = task * ROWS; r < le_min((task + 1) * ROWS, y->rows); r++) {
		float *to = y->p + r * y->cols;
		decode(&table, ids->i[r], 0, y->cols, to);
		for (int64_t c = 0; c < y->cols; c++)
			to[c] *= j->in->scale;
	}
}
static int op_embed(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->out[0].rows, embed_task);
	return 0;
}

// A task sums the ids whose first row in order lies in its part of it.
static void embed_grad_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const int32_t *ids = j->in->in[0].i, *order = j->in->in[1].i;
	const le_mat *dy = &j->in->in[2], *dw = &j->in->out[0];
	for (int64_t i = task * ROWS; i < le_min((task + 1) * ROWS, dy->rows); i++) {
		int32_t id = ids[order[i]];
		if (i > 0 && ids[order[i - 1]] == id)
			continue;
		float *to = dw->p + id * dw->cols;
		for (int64_t k = i; k < dy->rows && ids[order[k]] == id; k++)
			for (int64_t c = 0; c < dy->cols; c++)
				to[c] += j->in->scale * dy->p[order[k] * dy->cols + c];
	}
}
static int op_embed_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->in[2].rows, embed_grad_task);
	return 0;
}

static void rms_norm_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *x = &j->in->in[0], *w = &j->in->in[1], *y = &j->in->out[0], *rstd = &j->in->out[1];
	int64_t g = w->cols, groups = x->cols / g;
	for (int64_t i = task * ROWS * groups; i < le_min((task + 1) * ROWS, x->rows) * groups; i++) {
		const float *from = x->p + i * g;
		float r = 1 / sqrtf(dot(from, from, g) / (float)g + j->in->eps);
		rstd->p[i] = r;
		for (int64_t c = 0; c < g; c += VL)
			put(y, i * g + c, ld_to(from + c, g - c) * r * (j->in->offset + ld_to(w->p + c, g - c)), g - c);
	}
}
static int op_rms_norm(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->in[0].rows, rms_norm_task);
	return 0;
}

static void rms_norm_grad_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *x = &j->in->in[0], *w = &j->in->in[1], *rstd = &j->in->in[2], *dy = &j->in->in[3], *dx = &j->in->out[0];
	int64_t g = w->cols, groups = x->cols / g;
	for (int64_t i = task * ROWS * groups; i < le_min((task + 1) * ROWS, x->rows) * groups; i++) {
		const float *xi = x->p + i * g, *di = dy->p + i * g;
		float *to = dx->p + i * g, r = rstd->p[i];
		vf sums = {0};
		for (int64_t c = 0; c < g; c += VL)
			sums += ld_to(di + c, g - c) * (j->in->offset + ld_to(w->p + c, g - c)) * ld_to(xi + c, g - c);
		float mean = sum_of(sums) * r * r / (float)g; // of g·x̂, times rstd
		for (int64_t c = 0; c < g; c += VL) {
			vf d = r * (ld_to(di + c, g - c) * (j->in->offset + ld_to(w->p + c, g - c)) - mean * ld_to(xi + c, g - c));
			if (j->in->accumulate)
				d += ld_to(to + c, g - c);
			st_to(to + c, d, g - c);
		}
	}
}
static int op_rms_norm_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->in[0].rows, rms_norm_grad_task);
	return 0;
}

static void rms_norm_weight_grad_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *x = &j->in->in[0], *rstd = &j->in->in[1], *dy = &j->in->in[2], *dw = &j->in->out[0];
	int64_t g = dw->cols, c0 = task * COLUMNS, n = le_min(COLUMNS, g - c0);
	float sums[COLUMNS] = {0};
	for (int64_t i = 0; i < x->rows * (x->cols / g); i++)
		for (int64_t c = 0; c < n; c++)
			sums[c] += dy->p[i * g + c0 + c] * x->p[i * g + c0 + c] * rstd->p[i];
	for (int64_t c = 0; c < n; c++)
		dw->p[c0 + c] += sums[c];
}
static int op_rms_norm_weight_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	le_pool_spread(e->pool, le_div(in->out[0].cols, COLUMNS), rms_norm_weight_grad_task, &j);
	return 0;
}

static void bias_grad_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *dy = &j->in->in[0], *db = &j->in->out[0];
	int64_t c0 = task * COLUMNS, n = le_min(COLUMNS, dy->cols - c0);
	float sums[COLUMNS] = {0};
	for (int64_t r = 0; r < dy->rows; r++)
		for (int64_t c = 0; c < n; c++)
			sums[c] += dy->p[r * dy->cols + c0 + c];
	for (int64_t c = 0; c < n; c++)
		db->p[c0 + c] += sums[c];
}
static int op_bias_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	le_pool_spread(e->pool, le_div(in->in[0].cols, COLUMNS), bias_grad_task, &j);
	return 0;
}

// One head of one row. to may be from: a pair is read before it is written.
static void rotate(float *to, const float *from, const float *cs, const float *sn, int64_t half, int64_t width, const le_instr *in) {
	float sign = in->inverse ? -1 : 1, scale = in->scale;
	for (int64_t i = 0; i < half; i++) {
		int64_t p = in->interleaved ? 2 * i : i, q = in->interleaved ? 2 * i + 1 : i + half;
		float a = from[p], b = from[q], c = cs[i], s = sign * sn[i];
		to[p] = scale * (a * c - b * s);
		to[q] = scale * (b * c + a * s);
	}
	if (to != from)
		for (int64_t i = 2 * half; i < width; i++)
			to[i] = from[i];
}

static void rotate_halves(const le_mat *y, int64_t at, const float *from, const float *cs, const float *sn, int64_t half, const le_instr *in) {
	float sign = in->inverse ? -1 : 1;
	for (int64_t i = 0; i < half; i += VL) {
		vf a = ld(from + i), b = ld(from + i + half), c = in->scale * ld(cs + i), s = in->scale * sign * ld(sn + i);
		put(y, at + i, a * c - b * s, VL);
		put(y, at + i + half, b * c + a * s, VL);
	}
}

static void rope_task(void *context, int64_t task, int thread) {
	const job *j = context;
	const le_mat *x = &j->in->in[0], *y = &j->in->out[0];
	const le_rope_table *t = j->more;
	int64_t d = j->in->head_dim, half = t->n;
	int vectors = !j->in->interleaved && 2 * half == d && half % VL == 0;
	for (int64_t r = task * ROWS; r < le_min((task + 1) * ROWS, x->rows); r++)
		for (int64_t h = 0; h < j->in->heads; h++) {
			int64_t at = r * x->cols + h * d;
			if (vectors) {
				rotate_halves(y, at, x->p + at, t->cos + r * half, t->sin + r * half, half, j->in);
				continue;
			}
			float *to = y->dtype == LE_BF16 ? j->e->local[thread].p : y->p + at;
			rotate(to, x->p + at, t->cos + r * half, t->sin + r * half, half, d, j->in);
			for (int64_t c = 0; y->dtype == LE_BF16 && c < d; c += VL)
				put(y, at + c, ld_to(to + c, d - c), d - c);
		}
}
static int op_rope(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_rope_table *t = le_rope(e, in->in[1].i, in->in[0].rows, in->in[2].p, in->in[2].cols);
	if (!t || (in->out[0].dtype == LE_BF16 && !le_locals(e, in->head_dim * 4)))
		return 1;
	job j = {e, in, s, (void *)t};
	each_rows(&j, in->in[0].rows, rope_task);
	return 0;
}

// The activation of a and its derivative.
INLINE void activate(int kind, vf a, vf *f, vf *df) {
	if (kind == LE_SILU) {
		vf g = 1.0f / (1.0f + vexp(-a));
		*f = a * g;
		*df = g * (1.0f + a * (1.0f - g));
	} else if (kind == LE_GELU) {
		vf cdf = 0.5f + 0.5f * verf(a * 0.70710678118654752f);
		*f = a * cdf;
		*df = cdf + a * 0.39894228040143268f * vexp(-0.5f * a * a);
	} else {
		const float c = 0.79788456080286536f; // √(2/π)
		vf t = vtanh(c * (a + 0.044715f * a * a * a));
		*f = 0.5f * a * (1.0f + t);
		*df = 0.5f * (1.0f + t) + 0.5f * a * (1.0f - t * t) * c * (1.0f + 3 * 0.044715f * a * a);
	}
}

// Elementwise instructions take parts of the whole as one long row.
static void each_elements(job *j, le_task f) {
	le_pool_spread(j->e->pool, le_div(j->in->out[0].rows * j->in->out[0].cols, ELEMENTS), f, j);
}
#define FOR_ELEMENTS                                                                \
	const le_instr *in = ((const job *)context)->in;                                \
	int64_t size = le_min((task + 1) * ELEMENTS, in->out[0].rows * in->out[0].cols); \
	(void)thread;                                                                   \
	for (int64_t i = task * ELEMENTS; i < size; i += VL)

static void gated_task(void *context, int64_t task, int thread) {
	FOR_ELEMENTS {
		vf f, df;
		activate(in->activation, ld_to(in->in[0].p + i, size - i), &f, &df);
		put(&in->out[0], i, f * ld_to(in->in[1].p + i, size - i), size - i);
	}
}
static int op_gated(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_elements(&j, gated_task);
	return 0;
}

static void gated_grad_task(void *context, int64_t task, int thread) {
	FOR_ELEMENTS {
		vf f, df, b = ld_to(in->in[1].p + i, size - i), dy = ld_to(in->in[2].p + i, size - i);
		activate(in->activation, ld_to(in->in[0].p + i, size - i), &f, &df);
		put(&in->out[0], i, dy * b * df, size - i);
		put(&in->out[1], i, dy * f, size - i);
	}
}
static int op_gated_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_elements(&j, gated_grad_task);
	return 0;
}

static void add_task(void *context, int64_t task, int thread) {
	FOR_ELEMENTS st_to(in->out[0].p + i, ld_to(in->in[0].p + i, size - i) + ld_to(in->in[1].p + i, size - i), size - i);
}
static int op_add(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_elements(&j, add_task);
	return 0;
}

static void copy_task(void *context, int64_t task, int thread) {
	FOR_ELEMENTS st_to(in->out[0].p + i, ld_to(in->in[0].p + i, size - i), size - i);
}
static int op_copy(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_elements(&j, copy_task);
	return 0;
}

static void zero_task(void *context, int64_t task, int thread) {
	FOR_ELEMENTS st_to(in->out[0].p + i, (vf){0}, size - i);
}
static int op_zero(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_elements(&j, zero_task);
	return 0;
}

// Σ exp(x − max) of a row in float sums of 4096 columns, those in double; the
// exponentials are stored where store is given.
static double sum_exp(float *store, const float *x, int64_t n, float max) {
	double sum = 0;
	for (int64_t c0 = 0; c0 < n; c0 += 4096) {
		int64_t end = le_min(c0 + 4096, n), c = c0;
		vf part = {0};
		for (; c + VL <= end; c += VL) {
			vf y = vexp(ld(x + c) - max);
			part += y;
			if (store)
				st(store + c, y);
		}
		float rest = 0;
		for (; c < end; c++) {
			float y = expf(x[c] - max);
			rest += y;
			if (store)
				store[c] = y;
		}
		sum += sum_of(part) + rest;
	}
	return sum;
}

static float row_max(const float *x, int64_t n) {
	vf m = splat(-INFINITY);
	int64_t c = 0;
	for (; c + VL <= n; c += VL)
		m = vmax(ld(x + c), m);
	float max = max_of(m);
	for (; c < n; c++)
		max = x[c] > max ? x[c] : max;
	return max;
}

static void cross_entropy_task(void *context, int64_t r, int thread) {
	(void)thread;
	const le_instr *in = ((const job *)context)->in;
	const le_scalars *s = ((const job *)context)->s;
	const le_mat *logits = &in->out[0];
	int64_t n = logits->cols;
	float *x = logits->p + r * n, *logp = in->out[1].p + r;
	int32_t target = in->in[0].i[r];
	if (target < 0) {
		*logp = 0;
		if (in->gradient)
			memset(x, 0, (size_t)n * sizeof(float));
		return;
	}
	float max = row_max(x, n), at_target = x[target];
	double sum = sum_exp(in->gradient ? x : NULL, x, n, max);
	*logp = (float)((double)at_target - (double)max - log(sum));
	if (!in->gradient)
		return;
	float weight = in->in[1].p[r] * s->loss_factor, scale = (float)((double)weight / sum);
	int64_t c = 0;
	for (; c + VL <= n; c += VL)
		st(x + c, ld(x + c) * scale);
	for (; c < n; c++)
		x[c] *= scale;
	x[target] -= weight;
}
static int op_cross_entropy(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	le_pool_spread(e->pool, in->out[0].rows, cross_entropy_task, &j);
	return 0;
}

static void grad_norm_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *g = &j->in->in[0];
	double sums[8] = {0};
	int64_t n = g->rows * g->cols, end = le_min((task + 1) * ELEMENTS, n), i = task * ELEMENTS;
	for (; i + 8 <= end; i += 8)
		for (int k = 0; k < 8; k++)
			sums[k] += (double)g->p[i + k] * (double)g->p[i + k];
	for (; i < end; i++)
		sums[0] += (double)g->p[i] * (double)g->p[i];
	((double *)j->more)[task] = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}
static int op_grad_norm(le_engine *e, const le_instr *in, const le_scalars *s) {
	int64_t tasks = le_div(in->in[0].rows * in->in[0].cols, ELEMENTS);
	job j = {e, in, s, le_shared(e, LE_SHARED_SUMS, tasks * (int64_t)sizeof(double))};
	if (!j.more)
		return 1;
	le_pool_spread(e->pool, tasks, grad_norm_task, &j);
	double sum = 0;
	for (int64_t t = 0; t < tasks; t++)
		sum += ((double *)j.more)[t];
	in->out[0].p[0] = (float)sqrt(sum) * s->unscale;
	return 0;
}

// What gradients are multiplied by.
static float clip_of(const le_scalars *s, float norm) {
	return s->max_norm > 0 && norm > s->max_norm ? s->max_norm / (norm + 1e-6f) * s->unscale : s->unscale;
}

typedef struct {
	float clip, correction1, root_correction2;
} adam;

static void adamw_range(const le_instr *in, const le_scalars *s, const adam *a, const le_range *range, int64_t from, int64_t to) {
	float rate = s->learning_rate * range->rate, keep = 1 - rate * (s->weight_decay * range->decay), step = rate / a->correction1;
	const float *g = in->in[0].p;
	float *p = in->out[0].p, *m = in->out[1].p, *v = in->out[2].p;
	for (int64_t i = range->offset + from; i < range->offset + to; i++) {
		float gi = g[i] * a->clip;
		m[i] = m[i] + (1 - s->beta1) * (gi - m[i]);
		v[i] = s->beta2 * v[i] + (1 - s->beta2) * gi * gi;
		p[i] = p[i] * keep - step * m[i] / (sqrtf(v[i]) / a->root_correction2 + s->epsilon);
	}
}

// Tasks count through the parts of all ranges in turn.
static void adamw_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	for (int64_t i = 0; i < j->in->range_count; i++) {
		const le_range *range = &j->in->ranges[i];
		int64_t parts = le_div(range->len, ELEMENTS);
		if (task < parts) {
			adamw_range(j->in, j->s, j->more, range, task * ELEMENTS, le_min((task + 1) * ELEMENTS, range->len));
			return;
		}
		task -= parts;
	}
}
static int op_adamw(le_engine *e, const le_instr *in, const le_scalars *s) {
	float *state = in->out[3].p, norm = state[0];
	if (!isfinite(norm)) {
		state[2] += 1;
		return 0;
	}
	state[1] += 1;
	adam a = {clip_of(s, norm), (float)(1 - pow(s->beta1, state[1])), (float)sqrt(1 - pow(s->beta2, state[1]))};
	int64_t tasks = 0;
	for (int64_t i = 0; i < in->range_count; i++)
		tasks += le_div(in->ranges[i].len, ELEMENTS);
	job j = {e, in, s, &a};
	le_pool_spread(e->pool, tasks, adamw_task, &j);
	return 0;
}

static int op_cache_append(le_engine *e, const le_instr *in, const le_scalars *s) {
	(void)e;
	memcpy(in->out[0].p + s->past * in->out[0].cols, in->in[0].p, (size_t)(s->tokens * in->in[0].cols) * sizeof(float));
	return 0;
}
