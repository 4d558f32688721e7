// The few things of threads that systems name differently.
#ifndef LORAEDGE_THREAD_H
#define LORAEDGE_THREAD_H

#ifdef _WIN32
#include <windows.h>
typedef HANDLE le_thread;
typedef CRITICAL_SECTION le_mutex;
typedef CONDITION_VARIABLE le_cond;
typedef DWORD le_thread_result;
#define LE_THREAD_CALL WINAPI
static inline int le_thread_start(le_thread *t, LPTHREAD_START_ROUTINE f, void *x) {
	*t = CreateThread(NULL, 0, f, x, 0, NULL);
	return *t != NULL;
}
static inline void le_thread_join(le_thread t) {
	WaitForSingleObject(t, INFINITE);
	CloseHandle(t);
}
static inline void le_mutex_init(le_mutex *m) { InitializeCriticalSection(m); }
static inline void le_mutex_free(le_mutex *m) { DeleteCriticalSection(m); }
static inline void le_lock(le_mutex *m) { EnterCriticalSection(m); }
static inline void le_unlock(le_mutex *m) { LeaveCriticalSection(m); }
static inline void le_cond_init(le_cond *c) { InitializeConditionVariable(c); }
static inline void le_cond_free(le_cond *c) { (void)c; }
static inline void le_wait(le_cond *c, le_mutex *m) { SleepConditionVariableCS(c, m, INFINITE); }
static inline void le_wake_all(le_cond *c) { WakeAllConditionVariable(c); }
static inline void le_yield(void) { SwitchToThread(); }
#else
#include <pthread.h>
#include <sched.h>
typedef pthread_t le_thread;
typedef pthread_mutex_t le_mutex;
typedef pthread_cond_t le_cond;
typedef void *le_thread_result;
#define LE_THREAD_CALL
static inline int le_thread_start(le_thread *t, void *(*f)(void *), void *x) {
	return pthread_create(t, NULL, f, x) == 0;
}
static inline void le_thread_join(le_thread t) { pthread_join(t, NULL); }
static inline void le_mutex_init(le_mutex *m) { pthread_mutex_init(m, NULL); }
static inline void le_mutex_free(le_mutex *m) { pthread_mutex_destroy(m); }
static inline void le_lock(le_mutex *m) { pthread_mutex_lock(m); }
static inline void le_unlock(le_mutex *m) { pthread_mutex_unlock(m); }
static inline void le_cond_init(le_cond *c) { pthread_cond_init(c, NULL); }
static inline void le_cond_free(le_cond *c) { pthread_cond_destroy(c); }
static inline void le_wait(le_cond *c, le_mutex *m) { pthread_cond_wait(c, m); }
static inline void le_wake_all(le_cond *c) { pthread_cond_broadcast(c); }
static inline void le_yield(void) { sched_yield(); }
#endif

// Tells the core that it spins.
static inline void le_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

#endif
