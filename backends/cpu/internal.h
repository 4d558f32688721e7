// What the instruction sets' kernels see of the engine.
#ifndef LORAEDGE_INTERNAL_H
#define LORAEDGE_INTERNAL_H

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine.h"
#include "pool.h"

// Shared working memory, by use; instructions share it in turn.
enum { LE_SHARED_A, LE_SHARED_B, LE_SHARED_LINES, LE_SHARED_KEYS, LE_SHARED_SUMS, LE_SHARED_ROWS, LE_SHARED_COUNT };

struct le_engine {
	le_pool *pool;
	int threads;
	const struct le_isa *isa;
	struct le_buffer {
		void *p;
		int64_t bytes;
	} shared[LE_SHARED_COUNT], *local; // local: one a thread
	uint32_t *columns; // le_columns
	int64_t column_count;
	struct le_rope_table *tables;
	int table_count;
	// What LE_SHARED_LINES holds: a factor of a product, packed; p NULL for nothing.
	struct le_lines {
		const float *p;
		int64_t rows, cols;
		int kind;
	} lines;
	const float *normal_float, *dynamic; // the values of NF4's codes and of its scales' codes
};

// Memory that grows and is kept; NULL where there is none. le_locals makes
// sure that each thread has so many bytes in e->local.
void *le_shared(le_engine *e, int use, int64_t bytes);
int le_locals(le_engine *e, int64_t bytes);

// Cosines and sines [rows, n] of positions[r]·inv_freq[i], computed in double
// of the float product; kept for the run. NULL without memory.
typedef struct le_rope_table {
	const int32_t *positions;
	const float *inv_freq;
	int64_t rows, n, room;
	float *cos, *sin;
} le_rope_table;
const le_rope_table *le_rope(le_engine *e, const int32_t *positions, int64_t rows, const float *inv_freq, int64_t n);

// The dropout generator of core/program.
static inline uint32_t le_mix(uint32_t x) {
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}
// The part of a row's key that all rows share: the key is le_mix(of this ^ index).
static inline uint32_t le_part_key(uint64_t seed, uint32_t step, uint32_t module) {
	uint32_t h = le_mix((uint32_t)seed ^ 0x85ebca6bu);
	h = le_mix(h ^ (uint32_t)(seed >> 32));
	h = le_mix(h ^ step);
	return le_mix(h ^ module);
}
// The part of the hash that depends on the column alone, for columns below n;
// NULL without memory.
const uint32_t *le_columns(le_engine *e, int64_t n);

// The key of a row's elements, and the hash of one: it is kept where that is at
// least the threshold.
static inline uint32_t le_row_key(uint64_t seed, uint32_t step, uint32_t module, uint32_t index) {
	return le_mix(le_part_key(seed, step, module) ^ index);
}
static inline uint32_t le_keep(uint32_t row_key, uint32_t column) { return le_mix(row_key ^ le_mix(column + 0x9e3779b9u)); }
// The noise of NEFTune: program.NoiseModule and program.NoiseUnit.
#define LE_NOISE_MODULE 0xffffffffu
static inline float le_noise_unit(uint32_t hash) { return (float)((int32_t)(hash >> 9) * 2 + 1 - (1 << 24)) * 0x1p-24f; }

// One instruction set: its kernels, by instruction. 0, or 1 without memory.
typedef int (*le_op)(le_engine *, const le_instr *, const le_scalars *);
typedef struct le_isa {
	const char *name;
	le_op ops[LE_OP_COUNT];
	// Multiply-adds in registers, n rounds; returns the number of operations.
	int64_t (*peak)(int64_t n, float *sink);
	int64_t (*peak_bf16)(int64_t n, float *sink); // NULL where bfloat16 is not multiplied
} le_isa;

extern const le_isa le_isa_sse2, le_isa_avx2, le_isa_avx512, le_isa_avx512_bf16, le_isa_neon, le_isa_plain;

static inline int64_t le_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t le_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t le_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t le_round(int64_t a, int64_t b) { return le_div(a, b) * b; }

#endif
