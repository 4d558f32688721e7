// The instructions of linear layers as products.

// Whether an instruction multiplies bfloat16: float16 keeps more bits than
// that, so its products are of floats.
INLINE int kind_of(const le_instr *in) {
#ifdef BF16_DOT
	return in->compute == LE_BF16 ? PAIRS : FLOATS;
#else
	(void)in;
	return FLOATS;
#endif
}

INLINE view rows_of(const le_mat *m) { return (view){m->p, m->cols, 1, m->dtype == LE_BF16}; }

// The mask of a matrix [rows, cols]; keys stays NULL where nothing is dropped.
static int mask_of(le_engine *e, const le_instr *in, const le_scalars *s, const le_mat *index, int64_t cols, mask *to) {
	*to = (mask){0};
	if (in->drop == 0 || !s->training || !index->p)
		return 0;
	uint32_t *keys = le_shared(e, LE_SHARED_KEYS, (index->rows + MR) * 4), h = le_part_key(s->seed, s->dropout_step, in->module);
	const uint32_t *columns = le_columns(e, cols + NR);
	if (!keys || !columns)
		return 1;
	for (int64_t r = 0; r < index->rows; r++)
		keys[r] = le_mix(h ^ (uint32_t)index->i[r]);
	memset(keys + index->rows, 0, MR * 4);
	*to = (mask){keys, columns, in->drop_threshold, 1.0f / (1.0f - in->drop)};
	return 0;
}

// Leaves out the rows without a target.
static int targets_only(le_engine *e, const le_instr *in, product *p) {
	if (!in->targets)
		return 0;
	int64_t *map = le_shared(e, LE_SHARED_ROWS, p->m * (int64_t)sizeof *map), count = 0;
	if (!map)
		return 1;
	for (int64_t i = 0; i < p->m; i++)
		if (in->targets[i] >= 0)
			map[count++] = i;
	if (count < p->m)
		p->map = map, p->m = count;
	return 0;
}

static int op_linear(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *x = &in->in[0], *w = &in->in[1], *bias = &in->in[2], *u = &in->in[3], *b = &in->in[4], *y = &in->out[0];
	float whole = in->adapter ? s->adapter : 1;
	product p = {.m = y->rows, .n = y->cols, .k = x->cols, .alpha = in->scale * whole, .alpha2 = whole};
	p.a = rows_of(x);
	p.kind = kind_of(in), p.same_lines = in->same_rows;
	p.b = factor_of(e, w), p.by_rows = 1;
	if (u->p) {
		p.k2 = u->cols;
		p.a2 = rows_of(u);
		p.b2 = factor_of(e, b);
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
	if (mask_of(e, in, s, &in->in[5], x->cols, &p.drop_a) || targets_only(e, in, &p))
		return 1;
	return multiply(e, &p);
}

static int op_linear_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *dy = &in->in[0], *w = &in->in[1], *du = &in->in[2], *a = &in->in[3], *dx = &in->out[0];
	product p = {.m = dx->rows, .n = dx->cols, .k = dy->cols, .alpha = in->scale, .alpha2 = 1};
	p.a = rows_of(dy);
	p.kind = kind_of(in), p.same_lines = in->same_rows;
	p.b = factor_of(e, w);
	p.add = in->accumulate, p.c = dx->p, p.ldc = dx->cols;
	if (mask_of(e, in, s, &in->in[4], dx->cols, &p.drop_low))
		return 1;
	if (du->p) {
		p.k2 = du->cols;
		p.a2 = rows_of(du);
		p.b2 = factor_of(e, a);
	}
	if (targets_only(e, in, &p))
		return 1;
	for (int64_t i = 0; in->targets && !p.add && i < dx->rows; i++)
		if (in->targets[i] < 0)
			memset(dx->p + i * dx->cols, 0, (size_t)dx->cols * sizeof(float));
	return multiply(e, &p);
}

static int op_linear_weight_grad(le_engine *e, const le_instr *in, const le_scalars *s) {
	const le_mat *dy = &in->in[0], *x = &in->in[1], *dw = &in->out[0];
	product p = {.m = dw->rows, .n = dw->cols, .k = dy->rows, .alpha = 1};
	p.a = (view){dy->p, 1, dy->cols, dy->dtype == LE_BF16};
	p.b = factor_of(e, x);
	p.kind = p.m > NARROW && p.n > NARROW ? kind_of(in) : FLOATS;
	p.add = 1, p.c = dw->p, p.ldc = dw->cols;
	if (mask_of(e, in, s, &in->in[2], x->cols, &p.drop_b))
		return 1;
	return multiply(e, &p);
}
