// The instructions of variants of LoRA and of optimizers besides AdamW.

static void noise_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const int32_t *first = j->in->in[0].i, *last = j->in->in[1].i, *index = j->in->in[2].i;
	const le_mat *y = &j->in->out[0];
	for (int64_t r = task * ROWS; r < le_min((task + 1) * ROWS, y->rows); r++) {
		float size = j->in->scale / (float)sqrt((double)(last[r] - first[r] + 1) * (double)y->cols);
		uint32_t key = le_row_key(j->s->seed, j->s->dropout_step, LE_NOISE_MODULE, (uint32_t)index[r]);
		for (int64_t c = 0; c < y->cols; c++)
			y->p[r * y->cols + c] += size * le_noise_unit(le_keep(key, (uint32_t)c));
	}
}
static int op_noise(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	if (s->training)
		each_rows(&j, in->out[0].rows, noise_task);
	return 0;
}

static void drop_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_instr *in = j->in;
	const le_mat *x = &in->in[0], *index = &in->in[1], *y = &in->out[0];
	int dropped = in->drop > 0 && j->s->training;
	float keep = dropped ? 1.0f / (1.0f - in->drop) : 1;
	for (int64_t r = task * ROWS; r < le_min((task + 1) * ROWS, x->rows); r++) {
		uint32_t key = dropped ? le_row_key(j->s->seed, j->s->dropout_step, in->module, (uint32_t)index->i[r]) : 0;
		const float *from = x->p + r * x->cols;
		float *to = y->p + r * x->cols;
		for (int64_t c = 0; c < x->cols; c++) {
			float v = dropped && le_keep(key, (uint32_t)c) < in->drop_threshold ? 0 : keep * from[c];
			to[c] = in->accumulate ? to[c] + v : v;
		}
	}
}
static int op_drop(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->in[0].rows, drop_task);
	return 0;
}

// NORM_ROWS rows of w at a time, so that a is read once for them, and
// NORM_VECTORS vectors of their columns, which stay in registers.
enum { NORM_ROWS = 2, NORM_VECTORS = 4 };

// ‖w[r] + scale·b[r]·a‖² of NORM_ROWS rows.
static void square_norms(const float *const w[NORM_ROWS], const float *const b[NORM_ROWS], const le_mat *a, float scale, float sums[NORM_ROWS]) {
	int64_t n = a->cols, c = 0;
	vf total[NORM_ROWS] = {{0}};
	for (; c + NORM_VECTORS * VL <= n; c += NORM_VECTORS * VL) {
		vf v[NORM_ROWS][NORM_VECTORS];
		UNROLLED
		for (int r = 0; r < NORM_ROWS; r++)
			UNROLLED
			for (int i = 0; i < NORM_VECTORS; i++)
				v[r][i] = ld(w[r] + c + i * VL);
		for (int64_t k = 0; k < a->rows; k++)
			UNROLLED
			for (int r = 0; r < NORM_ROWS; r++) {
				vf f = splat(scale * b[r][k]);
				UNROLLED
				for (int i = 0; i < NORM_VECTORS; i++)
					v[r][i] += f * ld(a->p + k * n + c + i * VL);
			}
		UNROLLED
		for (int r = 0; r < NORM_ROWS; r++)
			UNROLLED
			for (int i = 0; i < NORM_VECTORS; i++)
				total[r] += v[r][i] * v[r][i];
	}
	for (; c < n; c += VL)
		for (int r = 0; r < NORM_ROWS; r++) {
			vf v = ld_to(w[r] + c, n - c);
			for (int64_t k = 0; k < a->rows; k++)
				v += scale * b[r][k] * ld_to(a->p + k * n + c, n - c);
			total[r] += v * v;
		}
	for (int r = 0; r < NORM_ROWS; r++)
		sums[r] = sum_of(total[r]);
}

static void weight_norm_task(void *context, int64_t task, int thread) {
	const job *j = context;
	const le_mat *w = &j->in->in[0], *a = &j->in->in[1], *b = &j->in->in[2];
	factor f = factor_of(j->e, w);
	float *work = j->e->local[thread].p, sums[NORM_ROWS];
	int64_t end = le_min((task + 1) * ROWS, w->rows);
	for (int64_t o = task * ROWS; o < end; o += NORM_ROWS) {
		const float *rows[NORM_ROWS], *bs[NORM_ROWS];
		for (int r = 0; r < NORM_ROWS; r++) {
			int64_t row = le_min(o + r, end - 1);
			rows[r] = w->p + row * w->cols;
			if (w->dtype != LE_F32) {
				decode(&f, row, 0, w->cols, work + r * w->cols);
				rows[r] = work + r * w->cols;
			}
			bs[r] = b->p + row * b->cols;
		}
		square_norms(rows, bs, a, j->in->scale, sums);
		for (int r = 0; r < NORM_ROWS && o + r < end; r++)
			j->in->out[0].p[o + r] = sqrtf(sums[r]);
	}
}
static int op_weight_norm(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	if (!le_locals(e, NORM_ROWS * in->in[0].cols * (int64_t)sizeof(float)))
		return 1;
	each_rows(&j, in->in[0].rows, weight_norm_task);
	return 0;
}

// DoRA's factor of VL columns, of which so many are left.
INLINE vf magnitude_factor(const job *j, const float *m, const float *n, int64_t left) {
	vf f = j->in->offset + j->s->adapter * (ld_to(m, left) / ld_to(n, left) - 1);
	return f;
}

static void magnitude_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *x = &j->in->in[0], *m = &j->in->in[1], *n = &j->in->in[2], *bias = &j->in->in[3], *y = &j->in->out[0];
	int64_t cols = x->cols, end = le_min((task + 1) * ROWS, x->rows);
	for (int64_t c = 0; c < cols; c += VL) {
		vf f = magnitude_factor(j, m->p + c, n->p + c, cols - c), plus = {0};
		if (bias->p)
			plus = ld_to(bias->p + c, cols - c);
		for (int64_t at = task * ROWS * cols + c; at < end * cols; at += cols) {
			vf v = ld_to(x->p + at, cols - c) * f + plus;
			if (j->in->accumulate)
				v += ld_to(y->p + at, cols - c);
			st_to(y->p + at, v, cols - c);
		}
	}
}
static int op_magnitude(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	each_rows(&j, in->in[0].rows, magnitude_task);
	return 0;
}

static void magnitude_grad_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_mat *dy = &j->in->in[0], *x = &j->in->in[1], *m = &j->in->in[2], *n = &j->in->in[3];
	const le_mat *dx = &j->in->out[0], *dm = &j->in->out[1];
	int64_t cols = x->cols, end = le_min((task + 1) * COLUMNS, cols);
	for (int64_t c = task * COLUMNS; c < end; c += VL) {
		int64_t left = cols - c;
		vf f = magnitude_factor(j, m->p + c, n->p + c, left), sum = {0};
		for (int64_t at = c; at < x->rows * cols; at += cols) {
			vf d = ld_to(dy->p + at, left);
			sum += d * ld_to(x->p + at, left);
			st_to(dx->p + at, d * f, left);
		}
		st_to(dm->p + c, ld_to(dm->p + c, left) + j->s->adapter * sum / ld_to(n->p + c, left), left);
	}
}
static int op_magnitude_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	job j = {e, in, s, NULL};
	le_pool_spread(e->pool, le_div(in->in[0].cols, COLUMNS), magnitude_grad_task, &j);
	return 0;
}

// Finds the range and the elements of a task, where tasks count through
// the parts, of size elements, of all ranges in turn; NULL after the last.
static const le_range *range_part(const le_instr *in, int64_t task, int64_t size, int64_t *from, int64_t *to) {
	for (int64_t i = 0; i < in->range_count; i++) {
		const le_range *range = &in->ranges[i];
		int64_t parts = le_div(range->len, size);
		if (task < parts) {
			*from = range->offset + task * size;
			*to = range->offset + le_min((task + 1) * size, range->len);
			return range;
		}
		task -= parts;
	}
	return NULL;
}
static int64_t range_parts(const le_instr *in, int64_t size) {
	int64_t parts = 0;
	for (int64_t i = 0; i < in->range_count; i++)
		parts += le_div(in->ranges[i].len, size);
	return parts;
}

static void sgd_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	int64_t from = 0, to = 0;
	const le_range *range = range_part(j->in, task, ELEMENTS, &from, &to);
	float clip = *(const float *)j->more, rate = j->s->learning_rate * range->rate, decay = j->s->weight_decay * range->decay;
	const float *g = j->in->in[0].p;
	float *p = j->in->out[0].p, *m = j->in->out[1].p;
	for (int64_t i = from; i < to; i++) {
		m[i] = j->s->beta1 * m[i] + (g[i] * clip + decay * p[i]);
		p[i] -= rate * m[i];
	}
}
static int op_sgd(le_engine *e, const le_instr *in, const le_scalars *s) {
	float *state = in->out[2].p, clip = clip_of(s, state[0]);
	if (!isfinite(state[0])) {
		state[2] += 1;
		return 0;
	}
	state[1] += 1;
	job j = {e, in, s, &clip};
	le_pool_spread(e->pool, range_parts(in, ELEMENTS), sgd_task, &j);
	return 0;
}

enum { CODE_BLOCK = 256 }; // elements that share a scale

// The code nearest to x, of two the lower.
static int nearest_code(const float *table, float x) {
	int low = 0, high = 255;
	while (low < high) {
		int middle = (low + high) / 2;
		if (table[middle] >= x)
			high = middle;
		else
			low = middle + 1;
	}
	return low > 0 && x - table[low - 1] <= table[low] - x ? low - 1 : low;
}

// Writes the codes of n values; returns their scale.
static float encode_block(int32_t *words, int64_t at, const float *x, int64_t n, const float *table) {
	float scale = 0;
	for (int64_t k = 0; k < n; k++)
		scale = fabsf(x[k]) > scale ? fabsf(x[k]) : scale;
	for (int64_t k = 0; k < n; k++) {
		uint32_t *word = (uint32_t *)words + (at + k) / 4, code = (uint32_t)nearest_code(table, scale > 0 ? x[k] / scale : x[k]);
		int shift = 8 * (int)((at + k) % 4);
		*word = (*word & ~(0xffu << shift)) | code << shift;
	}
	return scale;
}
static int code_at(const int32_t *words, int64_t i) { return (int)((uint32_t)words[i / 4] >> 8 * (i % 4) & 0xff); }

static void adamw8_task(void *context, int64_t task, int thread) {
	(void)thread;
	const job *j = context;
	const le_instr *in = j->in;
	const le_scalars *s = j->s;
	const adam *a = j->more;
	int64_t from = 0, to = 0;
	const le_range *range = range_part(in, task, CODE_BLOCK, &from, &to);
	const float *g = in->in[0].p, *signed_values = in->in[1].p, *unsigned_values = in->in[2].p;
	float *p = in->out[0].p, *scale1 = in->out[3].p + from / CODE_BLOCK, *scale2 = scale1 + in->out[3].cols;
	int32_t *m = (int32_t *)in->out[1].p, *v = (int32_t *)in->out[2].p;
	float rate = s->learning_rate * range->rate, keep = 1 - rate * (s->weight_decay * range->decay), step = rate / a->correction1;
	float first[CODE_BLOCK], second[CODE_BLOCK];
	for (int64_t i = from; i < to; i++) {
		float gi = g[i] * a->clip, m0 = signed_values[code_at(m, i)] * *scale1, v0 = unsigned_values[code_at(v, i)] * *scale2;
		float mi = m0 + (1 - s->beta1) * (gi - m0), vi = s->beta2 * v0 + (1 - s->beta2) * gi * gi;
		p[i] = p[i] * keep - step * mi / (sqrtf(vi) / a->root_correction2 + s->epsilon);
		first[i - from] = mi, second[i - from] = vi;
	}
	*scale1 = encode_block(m, from, first, to - from, signed_values);
	*scale2 = encode_block(v, from, second, to - from, unsigned_values);
}
static int op_adamw8(le_engine *e, const le_instr *in, const le_scalars *s) {
	const float *state = in->in[3].p;
	if (!isfinite(state[0]))
		return 0;
	adam a = {clip_of(s, state[0]), (float)(1 - pow(s->beta1, state[1])), (float)sqrt(1 - pow(s->beta2, state[1]))};
	job j = {e, in, s, &a};
	le_pool_spread(e->pool, range_parts(in, CODE_BLOCK), adamw8_task, &j);
	return 0;
}
