// What the Go side and the C side share: instructions with their addresses
// resolved, and the engine that runs lists of them. All memory named here was
// allocated by this engine; nothing points into Go's heap.
#ifndef LORAEDGE_ENGINE_H
#define LORAEDGE_ENGINE_H

#include <stdint.h>

// A matrix [rows, cols], row by row. p is NULL for an operand left out. Whole
// numbers are int32 and read through i.
typedef struct {
	union {
		float *p;
		const int32_t *i;
	};
	int64_t rows, cols;
	int32_t dtype; // of a weight; of an activation LE_F32 or LE_BF16, then only p's address counts; LE_F32 elsewhere
} le_mat;

// The dtypes of matrices; formats/dtype has the layout of those in blocks.
enum { LE_F32, LE_BF16, LE_F16, LE_NF4, LE_NF4_DOUBLE };
enum { LE_BLOCK = 64, LE_NESTED_BLOCK = 256 };

// One trained tensor of the optimizer's regions; see program.Range.
typedef struct {
	int64_t offset, len;
	float decay, rate;
} le_range;

enum { LE_SILU, LE_GELU, LE_GELU_TANH };
enum { LE_MAX_IN = 8, LE_MAX_OUT = 4 };

// The codes have the order of program.Op; native.go checks it when it compiles.
enum {
	LE_EMBED,
	LE_EMBED_GRAD,
	LE_RMS_NORM,
	LE_RMS_NORM_GRAD,
	LE_RMS_NORM_WEIGHT_GRAD,
	LE_LINEAR,
	LE_LINEAR_GRAD,
	LE_LINEAR_WEIGHT_GRAD,
	LE_BIAS_GRAD,
	LE_ROPE,
	LE_ATTENTION,
	LE_ATTENTION_GRAD,
	LE_CACHE_APPEND,
	LE_ATTENTION_CACHED,
	LE_GATED,
	LE_GATED_GRAD,
	LE_ADD,
	LE_COPY,
	LE_ZERO,
	LE_CROSS_ENTROPY,
	LE_GRAD_NORM,
	LE_ADAMW,
	LE_ADAMW8,
	LE_SGD,
	LE_NOISE,
	LE_DROP,
	LE_WEIGHT_NORM,
	LE_MAGNITUDE,
	LE_MAGNITUDE_GRAD,
	LE_OP_COUNT
};

typedef struct {
	int32_t op;
	le_mat in[LE_MAX_IN];
	le_mat out[LE_MAX_OUT];
	float scale, eps, offset, soft_cap;
	int32_t accumulate, adapter, interleaved, inverse, gradient, activation;
	int32_t compute;   // a dtype
	int32_t same_rows; // in[0] is what an earlier product of this list had, unchanged since
	// Of the head: where a row's target is negative, what LINEAR writes there is overwritten with
	// zeros unread, and LINEAR_GRAD's dy is zero. NULL elsewhere.
	const int32_t *targets;
	int64_t heads, kv_heads, head_dim, window;
	float drop; // probability of dropping
	uint32_t drop_threshold, module;
	le_range *ranges;
	int64_t range_count;
} le_instr;

// The scalars of one run; see program.Scalars.
typedef struct {
	uint64_t seed;
	uint32_t dropout_step;
	int32_t training;
	float adapter, loss_factor, unscale;
	float learning_rate, beta1, beta2, epsilon, weight_decay, max_norm;
	int64_t past, tokens;
} le_scalars;

typedef struct le_engine le_engine;

// The names of the instruction sets that this processor has, best first, and
// NULL after the last.
const char *le_isa_name(int index);

// An engine with a pool of threads; NULL where there is no memory. isa is one
// of the names above; the tables are the values of NF4's codes [16] and of its
// scales' codes [256], which the engine keeps.
le_engine *le_engine_new(int threads, const char *isa, const float *normal_float, const float *dynamic);
void le_engine_free(le_engine *e);

// Runs a list of instructions. 0, or 1 where there was no memory to work in.
// Each instruction's time is added to its place in seconds [count], unless NULL.
int le_run(le_engine *e, const le_instr *list, int64_t count, const le_scalars *s, double *seconds);

// Fills in same_rows and targets of a list.
void le_prepare(le_instr *list, int64_t count);

// Zeroed memory from a multiple of 256 bytes on; NULL where there is none.
void *le_alloc(int64_t bytes);
void le_free(void *p);

// GFLOP/s of multiply-adds in registers, on all threads of the engine, over
// about so many seconds: what a product is measured against. 0 where bf16 is
// asked for and products of it are made of floats.
double le_peak(le_engine *e, int bf16, double seconds);

#endif
