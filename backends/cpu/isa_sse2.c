#include "internal.h"

#if defined(__x86_64__)
#define ISA le_isa_sse2
#define NAME "SSE2"
#define VL 4
#define MR 4
#define NV 2
#include "isa.inc.h"
#endif
