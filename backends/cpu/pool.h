// A pool of threads that share out numbered tasks. Who runs a task is left to
// chance, so a task's result must depend on its number alone.
#ifndef LORAEDGE_POOL_H
#define LORAEDGE_POOL_H

#include <stdint.h>

typedef struct le_pool le_pool;
typedef void (*le_task)(void *context, int64_t task, int thread);

// A pool of so many threads, the caller's included; NULL without memory.
// Fewer where the system refuses to start more.
le_pool *le_pool_new(int threads);
void le_pool_free(le_pool *p);
int le_pool_threads(const le_pool *p);

// Runs tasks 0 … count-1, begun in this order, and returns when all are done. thread is
// below le_pool_threads and differs between tasks that run at the same time.
void le_pool_run(le_pool *p, int64_t count, le_task run, void *context);

// The same in no order: each thread begins with a part of its own, the first
// thread with the first, so that in job after job the same rows stay in the
// caches of the same core. Who is done takes tasks of others.
void le_pool_spread(le_pool *p, int64_t count, le_task run, void *context);

// What a loop that waits for another thread does each time: pauses, and after
// many looks gives its core away.
void le_relax(int looks);

#endif
