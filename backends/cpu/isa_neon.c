#include "internal.h"

#if defined(__aarch64__)
#define ISA le_isa_neon
#define NAME "NEON"
#define VL 4
#define MR 8
#define NV 3
#include "isa.inc.h"
#endif
