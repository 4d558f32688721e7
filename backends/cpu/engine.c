#include "internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

enum { HUGE_PAGE = 2 << 20 };

void *le_alloc(int64_t bytes) {
	size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 256;
	void *p = NULL;
#if defined(_WIN32)
	p = _aligned_malloc((size_t)bytes, align);
	if (!p)
		return NULL;
#else
	if (posix_memalign(&p, align, (size_t)bytes) != 0)
		return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
	if (align == HUGE_PAGE)
		madvise(p, (size_t)bytes, MADV_HUGEPAGE);
#endif
#endif
	memset(p, 0, (size_t)bytes);
	return p;
}

void le_free(void *p) {
#if defined(_WIN32)
	_aligned_free(p);
#else
	free(p);
#endif
}

static int grow(struct le_buffer *b, int64_t bytes) {
	if (b->bytes >= bytes)
		return 1;
	le_free(b->p);
	b->bytes = 0;
	b->p = le_alloc(bytes);
	if (!b->p)
		return 0;
	b->bytes = bytes;
	return 1;
}

void *le_shared(le_engine *e, int use, int64_t bytes) {
	return grow(&e->shared[use], bytes) ? e->shared[use].p : NULL;
}

int le_locals(le_engine *e, int64_t bytes) {
	for (int t = 0; t < e->threads; t++)
		if (!grow(&e->local[t], bytes))
			return 0;
	return 1;
}

const uint32_t *le_columns(le_engine *e, int64_t n) {
	if (e->column_count >= n)
		return e->columns;
	le_free(e->columns);
	e->column_count = 0;
	e->columns = le_alloc(n * (int64_t)sizeof *e->columns);
	for (int64_t i = 0; e->columns && i < n; i++)
		e->columns[i] = le_mix((uint32_t)i + 0x9e3779b9u);
	e->column_count = e->columns ? n : 0;
	return e->columns;
}

// One more than the micro batches of a usual accumulation window; a run with
// more lists of positions computes some tables anew.
enum { MAX_TABLES = 17 };
enum { ROPE_ROWS = 32 };

static void fill_rope(void *context, int64_t task, int thread) {
	(void)thread;
	le_rope_table *t = context;
	for (int64_t r = task * ROPE_ROWS; r < le_min((task + 1) * ROPE_ROWS, t->rows); r++)
		for (int64_t i = 0; i < t->n; i++) {
			float angle = (float)t->positions[r] * t->inv_freq[i];
			t->cos[r * t->n + i] = (float)cos((double)angle);
			t->sin[r * t->n + i] = (float)sin((double)angle);
		}
}

const le_rope_table *le_rope(le_engine *e, const int32_t *positions, int64_t rows, const float *inv_freq, int64_t n) {
	for (int i = 0; i < e->table_count; i++) {
		le_rope_table *t = &e->tables[i];
		if (t->positions == positions && t->inv_freq == inv_freq && t->rows == rows && t->n == n)
			return t;
	}
	int place = e->table_count < MAX_TABLES ? e->table_count++ : MAX_TABLES - 1;
	le_rope_table *t = &e->tables[place];
	if (t->room < rows * n) {
		le_free(t->cos);
		t->room = 0;
		t->cos = le_alloc(2 * rows * n * (int64_t)sizeof(float));
		if (!t->cos) {
			e->table_count = place;
			return NULL;
		}
		t->room = rows * n;
	}
	t->positions = positions, t->inv_freq = inv_freq, t->rows = rows, t->n = n, t->sin = t->cos + rows * n;
	le_pool_spread(e->pool, le_div(rows, ROPE_ROWS), fill_rope, t);
	return t;
}

#if defined(__x86_64__)
static int has(const le_isa *isa) {
	__builtin_cpu_init();
	if (isa == &le_isa_avx512_bf16)
		return has(&le_isa_avx512) && __builtin_cpu_supports("avx512bf16");
	if (isa == &le_isa_avx512)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
	if (isa == &le_isa_avx2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	return 1;
}
#if defined(_WIN32) && !defined(__clang__)
// GCC keeps Windows' stack to 16 bytes but stores wider vectors on it as if it
// were aligned to theirs (GCC bug 54412).
static const le_isa *const known[] = {&le_isa_sse2};
#else
static const le_isa *const known[] = {&le_isa_avx512_bf16, &le_isa_avx512, &le_isa_avx2, &le_isa_sse2};
#endif
#elif defined(__aarch64__)
static int has(const le_isa *isa) { return isa != NULL; }
static const le_isa *const known[] = {&le_isa_neon};
#else
static int has(const le_isa *isa) { return isa != NULL; }
static const le_isa *const known[] = {&le_isa_plain};
#endif

static const le_isa *isa_at(int index) {
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (has(known[i]) && index-- == 0)
			return known[i];
	return NULL;
}

const char *le_isa_name(int index) {
	const le_isa *isa = isa_at(index);
	return isa ? isa->name : NULL;
}

enum { NORMAL_FLOATS = 16, DYNAMICS = 256 };

le_engine *le_engine_new(int threads, const char *isa, const float *normal_float, const float *dynamic) {
	le_engine *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	for (int i = 0; isa_at(i); i++)
		if (strcmp(isa_at(i)->name, isa) == 0)
			e->isa = isa_at(i);
	e->pool = e->isa ? le_pool_new(threads) : NULL;
	if (e->pool)
		e->threads = le_pool_threads(e->pool);
	e->local = calloc((size_t)threads, sizeof *e->local);
	e->tables = calloc(MAX_TABLES, sizeof *e->tables);
	float *values = le_alloc((NORMAL_FLOATS + DYNAMICS) * (int64_t)sizeof(float));
	if (values) {
		memcpy(values, normal_float, NORMAL_FLOATS * sizeof(float));
		memcpy(values + NORMAL_FLOATS, dynamic, DYNAMICS * sizeof(float));
	}
	e->normal_float = values, e->dynamic = values + NORMAL_FLOATS;
	if (e->pool && e->local && e->tables && values)
		return e;
	le_engine_free(e);
	return NULL;
}

void le_engine_free(le_engine *e) {
	if (e->pool)
		le_pool_free(e->pool);
	for (int i = 0; i < LE_SHARED_COUNT; i++)
		le_free(e->shared[i].p);
	for (int t = 0; e->local && t < e->threads; t++)
		le_free(e->local[t].p);
	for (int i = 0; e->tables && i < MAX_TABLES; i++)
		le_free(e->tables[i].cos);
	le_free((void *)e->normal_float);
	le_free(e->columns);
	free(e->local);
	free(e->tables);
	free(e);
}

enum { LOOK_BACK = 8 };

static int product_of_rows(const le_instr *in) { return in->op == LE_LINEAR || in->op == LE_LINEAR_GRAD; }

static int same(const le_mat *a, const le_mat *b) { return a->p == b->p && a->rows == b->rows && a->cols == b->cols && a->dtype == b->dtype; }

// Where an activation ends.
static const char *end_of(const le_mat *m) { return (const char *)m->p + m->rows * m->cols * (m->dtype == LE_BF16 ? 2 : 4); }

static int writes(const le_instr *in, const le_mat *m) {
	for (int i = 0; i < LE_MAX_OUT; i++) {
		const le_mat *o = &in->out[i];
		if (o->p && (const char *)o->p < end_of(m) && end_of(o) > (const char *)m->p)
			return 1;
	}
	return 0;
}

// The targets of an instruction that leaves the gradients of logits m; NULL
// for others.
static const int32_t *targets_of(const le_instr *entropy, const le_mat *m) {
	return entropy->op == LE_CROSS_ENTROPY && entropy->gradient && same(&entropy->out[0], m) ? entropy->in[0].i : NULL;
}

// Rows of logits that no loss counts need no product.
static void find_targets(le_instr *list, int64_t count) {
	for (int64_t i = 0; i + 1 < count; i++) {
		if (list[i].op == LE_LINEAR)
			list[i].targets = targets_of(&list[i + 1], &list[i].out[0]);
		const int32_t *targets = targets_of(&list[i], &list[i].out[0]);
		for (int64_t j = i + 1; targets && j < le_min(count, i + LOOK_BACK); j++) {
			if (list[j].op == LE_LINEAR_GRAD && same(&list[j].in[0], &list[i].out[0]) && !list[j].in[2].p)
				list[j].targets = targets;
			if (writes(&list[j], &list[i].out[0]) || writes(&list[j], &list[i].in[0]))
				break;
		}
	}
}

void le_prepare(le_instr *list, int64_t count) {
	find_targets(list, count);
	for (int64_t i = 0; i < count; i++) {
		const le_mat *x = &list[i].in[0];
		for (int64_t j = i - 1; product_of_rows(&list[i]) && j >= le_max(0, i - LOOK_BACK) && !writes(&list[j], x); j--) {
			const le_mat *y = &list[j].in[0];
			if (product_of_rows(&list[j]) && same(x, y)) {
				list[i].same_rows = 1;
				break;
			}
		}
	}
}

static double now(void) {
	struct timespec t;
	timespec_get(&t, TIME_UTC);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int le_run(le_engine *e, const le_instr *list, int64_t count, const le_scalars *s, double *seconds) {
	e->table_count = 0; // positions may have changed since the last run
	double from = seconds ? now() : 0;
	for (int64_t i = 0; i < count; i++) {
		if (product_of_rows(&list[i]) && !list[i].same_rows)
			e->lines.p = NULL;
		if (e->isa->ops[list[i].op](e, &list[i], s))
			return 1;
		if (seconds) {
			double to = now();
			seconds[i] += to - from;
			from = to;
		}
	}
	return 0;
}

typedef struct {
	int64_t (*peak)(int64_t n, float *sink);
	int64_t rounds;
	_Atomic int64_t operations;
} peak_job;

static void peak_task(void *context, int64_t task, int thread) {
	(void)task, (void)thread;
	peak_job *j = context;
	float sink;
	atomic_fetch_add(&j->operations, j->peak(j->rounds, &sink));
}

double le_peak(le_engine *e, int bf16, double seconds) {
	peak_job j = {bf16 ? e->isa->peak_bf16 : e->isa->peak, 20000, 0};
	if (!j.peak)
		return 0;
	double from = now(), passed = 0;
	do {
		le_pool_spread(e->pool, 16 * e->threads, peak_task, &j);
		passed = now() - from;
	} while (passed < seconds);
	return 1e-9 * (double)j.operations / passed;
}
