#include "internal.h"

#if defined(__x86_64__)
#include <immintrin.h> // before the functions below get their target
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif
#define ISA le_isa_avx512
#define NAME "AVX-512"
#define AVX512
#define VL 16
#define MR 8
#define NV 3
#include "isa.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
