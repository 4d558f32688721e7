// One instruction set: the including file names it with ISA and NAME, and sets
// VL (floats of a vector), MR and NV (rows and vectors of the register tile).

#include "vec.inc.h"
#include "weight.inc.h"
#include "tile.inc.h"
#include "product.inc.h"
#include "skinny.inc.h"
#include "linear.inc.h"
#include "rows.inc.h"
#include "attention.inc.h"
#include "attention_forward.inc.h"
#include "attention_grad.inc.h"
#include "attention_cached.inc.h"
#include "variants.inc.h"

// Multiply-adds in registers, of pairs of bfloat16 where they are multiplied.
INLINE int64_t peak_of(const int kind, int64_t n, float *sink) {
	vf acc[MR * NV], x = splat(*sink = 0.999f), y = splat(1e-3f);
	UNROLLED
	for (int i = 0; i < MR * NV; i++)
		acc[i] = splat((float)i);
	for (int64_t r = 0; r < n; r++) {
		__asm__ __volatile__("" ::: "memory"); // keeps the rounds apart
		UNROLLED
		for (int i = 0; i < MR * NV; i++)
			acc[i] = kind == PAIRS ? dot_pairs(acc[i], x, y) : acc[i] * x + y;
	}
	vf sum = {0};
	UNROLLED
	for (int i = 0; i < MR * NV; i++)
		sum += acc[i];
	*sink = sum_of(sum);
	return (kind == PAIRS ? 4 : 2) * n * MR * NV * VL;
}
static int64_t peak(int64_t n, float *sink) { return peak_of(FLOATS, n, sink); }
#ifdef BF16_DOT
static int64_t peak_bf16(int64_t n, float *sink) { return peak_of(PAIRS, n, sink); }
#endif

const le_isa ISA = {
	.name = NAME,
	.ops =
		{
			[LE_EMBED] = op_embed,
			[LE_EMBED_GRAD] = op_embed_grad,
			[LE_RMS_NORM] = op_rms_norm,
			[LE_RMS_NORM_GRAD] = op_rms_norm_grad,
			[LE_RMS_NORM_WEIGHT_GRAD] = op_rms_norm_weight_grad,
			[LE_LINEAR] = op_linear,
			[LE_LINEAR_GRAD] = op_linear_grad,
			[LE_LINEAR_WEIGHT_GRAD] = op_linear_weight_grad,
			[LE_BIAS_GRAD] = op_bias_grad,
			[LE_ROPE] = op_rope,
			[LE_ATTENTION] = op_attention,
			[LE_ATTENTION_GRAD] = op_attention_grad,
			[LE_CACHE_APPEND] = op_cache_append,
			[LE_ATTENTION_CACHED] = op_attention_cached,
			[LE_GATED] = op_gated,
			[LE_GATED_GRAD] = op_gated_grad,
			[LE_ADD] = op_add,
			[LE_COPY] = op_copy,
			[LE_ZERO] = op_zero,
			[LE_CROSS_ENTROPY] = op_cross_entropy,
			[LE_GRAD_NORM] = op_grad_norm,
			[LE_ADAMW] = op_adamw,
			[LE_ADAMW8] = op_adamw8,
			[LE_SGD] = op_sgd,
			[LE_NOISE] = op_noise,
			[LE_DROP] = op_drop,
			[LE_WEIGHT_NORM] = op_weight_norm,
			[LE_MAGNITUDE] = op_magnitude,
			[LE_MAGNITUDE_GRAD] = op_magnitude_grad,
		},
	.peak = peak,
#ifdef BF16_DOT
	.peak_bf16 = peak_bf16,
#endif
};
