#include "pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "thread.h"

// A worker looks for work this often (some 50 µs) before it sleeps.
enum { SPINS = 2000 };
// Who waits for another's task gives its core away after so many looks.
enum { POLITE_LOOKS = 4000 };

// gate: OPEN while a job takes helpers, plus the number of helpers inside.
// A worker that sleeps through a job is not waited for.
#define OPEN (1u << 30)

struct le_pool {
	_Alignas(64) atomic_uint gate;
	_Alignas(64) atomic_uint job; // grows with every job
	atomic_int sleepers, stop;
	le_task run;
	void *context;
	le_mutex mutex;
	le_cond wake;
	int threads;
	struct worker {
		le_pool *pool;
		int index;
		le_thread thread;
	} *workers;
	struct part {
		_Alignas(64) _Atomic int64_t next; // the first of these tasks that nobody took
		int64_t end;
	} *parts; // one a thread
	void *base;
};

static void take(le_pool *p, int thread) {
	for (int i = 0; i < p->threads; i++) {
		struct part *part = &p->parts[(thread + i) % p->threads];
		for (;;) {
			int64_t t = atomic_fetch_add_explicit(&part->next, 1, memory_order_relaxed);
			if (t >= part->end)
				break;
			p->run(p->context, t, thread);
		}
	}
}

static void help(le_pool *p, int thread) {
	unsigned g = atomic_load_explicit(&p->gate, memory_order_acquire);
	while (g & OPEN) {
		if (atomic_compare_exchange_weak_explicit(&p->gate, &g, g + 1, memory_order_acq_rel, memory_order_acquire)) {
			take(p, thread);
			atomic_fetch_sub_explicit(&p->gate, 1, memory_order_release);
			return;
		}
	}
}

static void sleep_until_job(le_pool *p, unsigned seen) {
	le_lock(&p->mutex);
	atomic_fetch_add(&p->sleepers, 1);
	while (atomic_load(&p->job) == seen && !atomic_load(&p->stop))
		le_wait(&p->wake, &p->mutex);
	atomic_fetch_sub(&p->sleepers, 1);
	le_unlock(&p->mutex);
}

static le_thread_result LE_THREAD_CALL work(void *x) {
	struct worker *w = x;
	le_pool *p = w->pool;
	unsigned seen = 0;
	int spins = 0;
	while (!atomic_load_explicit(&p->stop, memory_order_acquire)) {
		unsigned job = atomic_load_explicit(&p->job, memory_order_acquire);
		if (job != seen) {
			seen = job;
			help(p, w->index);
			spins = 0;
		} else if (++spins < SPINS) {
			le_pause();
		} else {
			sleep_until_job(p, seen);
			spins = 0;
		}
	}
	return 0;
}

static void wake_sleepers(le_pool *p) {
	if (atomic_load(&p->sleepers) > 0) {
		le_lock(&p->mutex);
		le_wake_all(&p->wake);
		le_unlock(&p->mutex);
	}
}

// Runs tasks that are in so many parts.
static void run_parts(le_pool *p, int parts, int64_t count, le_task run, void *context) {
	if (count <= 1 || p->threads == 1) {
		for (int64_t t = 0; t < count; t++)
			run(context, t, 0);
		return;
	}
	p->run = run, p->context = context;
	for (int i = 0; i < p->threads; i++) {
		int64_t from = i < parts ? count * i / parts : count;
		atomic_store_explicit(&p->parts[i].next, from, memory_order_relaxed);
		p->parts[i].end = i < parts ? count * (i + 1) / parts : count;
	}
	atomic_store_explicit(&p->gate, OPEN, memory_order_release);
	atomic_fetch_add(&p->job, 1);
	wake_sleepers(p);
	take(p, 0);
	atomic_fetch_and_explicit(&p->gate, ~OPEN, memory_order_acq_rel);
	for (int looks = 0; atomic_load_explicit(&p->gate, memory_order_acquire) != 0; looks++)
		le_relax(looks);
}

void le_pool_run(le_pool *p, int64_t count, le_task run, void *context) { run_parts(p, 1, count, run, context); }

void le_pool_spread(le_pool *p, int64_t count, le_task run, void *context) { run_parts(p, p->threads, count, run, context); }

void le_relax(int looks) {
	if (looks < POLITE_LOOKS)
		le_pause();
	else
		le_yield();
}

le_pool *le_pool_new(int threads) {
	char *base = calloc(1, sizeof(le_pool) + (size_t)threads * sizeof(struct part) + 64);
	struct worker *workers = calloc((size_t)threads, sizeof *workers);
	if (!base || !workers) {
		free(base);
		free(workers);
		return NULL;
	}
	le_pool *p = (le_pool *)(((uintptr_t)base + 63) & ~(uintptr_t)63);
	p->base = base, p->workers = workers, p->threads = 1, p->parts = (struct part *)(p + 1);
	le_mutex_init(&p->mutex);
	le_cond_init(&p->wake);
	while (p->threads < threads) {
		struct worker *w = &workers[p->threads];
		w->pool = p, w->index = p->threads;
		if (!le_thread_start(&w->thread, work, w))
			break;
		p->threads++;
	}
	return p;
}

void le_pool_free(le_pool *p) {
	le_lock(&p->mutex);
	atomic_store(&p->stop, 1);
	le_wake_all(&p->wake);
	le_unlock(&p->mutex);
	for (int i = 1; i < p->threads; i++)
		le_thread_join(p->workers[i].thread);
	le_cond_free(&p->wake);
	le_mutex_free(&p->mutex);
	free(p->workers);
	free(p->base);
}

int le_pool_threads(const le_pool *p) { return p->threads; }
