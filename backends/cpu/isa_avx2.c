#include "internal.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define ISA le_isa_avx2
#define NAME "AVX2"
#define VL 8
#define MR 4
#define NV 3
#include "isa.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
