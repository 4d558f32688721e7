#include "internal.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#define ISA le_isa_plain
#define NAME "C"
#define VL 4
#define MR 4
#define NV 2
#include "isa.inc.h"
#endif
