package program

// Op is an instruction's code.
type Op uint8

// The instructions. R is the number of rows of the operands' views; "+=" adds
// to what is there, "=" replaces it unless Attr.Accumulate says to add.
// drop is Attr.Dropout, identity when P is 0 or Scalars.Training is false; its
// row key is the token's index (operand index [R,1]) and its column key the column.
// table may be BF16 or F16 and w also NF4 or NF4Double. Attr.Compute
// rounds both factors of every product of linears, x after drop, and of attention.
//
// The others are F32, but activations may be held in 16 bits between an instruction that
// writes them and products that round them anyway. Inputs in the type of the reader's
// Attr.Compute: x, u, dy and du of linears and their gradients; q, k, v, o and do of attention's.
// Outputs in BF16 or F16, rounded to the nearest (of two to the even; below 2⁻¹²⁶ maybe to 0) as they are written, where
// Accumulate does not add to them: y of RMSNorm, RoPE (then not over x), Gated and Linear, dx of
// LinearGrad, o, da, db, dq, dk and dv. Each operand by itself. What reads them reads what is
// there: drop(x) and D are those of the rounded x, o and do. So is Scale·x, which a device may round
// after it is multiplied: the same, but for float16's numbers below 2⁻¹⁴.
const (
	// Embed: y[R,C] = Scale · table[ids[r], :].
	// In: ids I32 [R,1], table [V,C]. Out: y.
	OpEmbed Op = iota
	// EmbedGrad: dtable[ids[r], :] += Scale · dy[r, :], in the order of rows that
	// order gives (stable by id), so that each id is summed by one worker.
	// In: ids, order I32 [R,1], dy [R,C]. Out: dtable [V,C].
	OpEmbedGrad

	// RMSNorm: y = x·rstd·(Offset + w), rstd = 1/sqrt(mean(x²)+Eps) over groups of G
	// columns. In: x [R,C], w [1,G]. Out: y [R,C], rstd [R,C/G].
	OpRMSNorm
	// RMSNormGrad: dx = rstd·(g − x̂·mean(g·x̂)), g = dy·(Offset+w), x̂ = x·rstd.
	// In: x, w, rstd, dy. Out: dx [R,C]. Accumulate.
	OpRMSNormGrad
	// RMSNormWeightGrad: dw += Σ over rows and groups of dy·x·rstd.
	// In: x, rstd, dy. Out: dw [1,G].
	OpRMSNormWeightGrad

	// Linear: y[R,O] = Scale·drop(x)·wᵀ + bias + u·bᵀ; with Adapter the whole is
	// multiplied by Scalars.Adapter, before it is added where Accumulate says so.
	// In: x [R,I], w [O,I], bias [1,O]?, u [R,K]?, b [O,K]?, index?. Out: y. Accumulate.
	OpLinear
	// LinearGrad: dx[R,I] = Scale·dy·w + drop'(du·a), where drop' has the mask and
	// scale of the forward's drop.
	// In: dy [R,O], w [O,I], du [R,K]?, a [K,I]?, index?. Out: dx. Accumulate.
	OpLinearGrad
	// LinearWeightGrad: dw[O,I] += dyᵀ·drop(x).
	// In: dy [R,O], x [R,I], index?. Out: dw.
	OpLinearWeightGrad
	// BiasGrad: db[1,O] += column sums of dy. In: dy [R,O]. Out: db.
	OpBiasGrad

	// RoPE: rotates pairs of columns of each of Heads heads of HeadDim columns by
	// angle position·invFreq[i] (by the negative with Inverse), all rotated columns
	// times Scale. Half style pairs i with i+n/2 of the n rotated columns.
	// Angles and their sines are computed in float64 of the float32 product.
	// In: x [R,Heads·HeadDim], positions I32 [R,1], invFreq [1,n/2]. Out: y. y may be x.
	OpRoPE
	// Attention: o = softmax(cap(Scale·q·kᵀ))·v for each head h with key head
	// h·KVHeads/Heads; row t sees rows max(first[t], t−Window+1) … t. lse is the
	// log of the sum of exponentials [R,Heads]. Attr.Compute rounds q, k, v and the
	// exponentials that multiply v, each row's up to a factor of its own; Scale multiplies
	// sums, and lse and what o is divided by are those of exponentials that are not rounded.
	// In: q [R,Heads·HeadDim], k, v [R,KVHeads·HeadDim], first, last I32 [R,1]. Out: o, lse.
	OpAttention
	// AttentionGrad, with p = exp(cap(Scale·q·k) − lse), ds = p·(do·v − D)·cap' and D = Σ do·o
	// of each row and head: dv = Σ p·do, dq = Σ Scale·ds·k, dk = Σ Scale·ds·q. Attr.Compute rounds
	// the factors q, k, v, do, p and ds, with or without Scale; those of D, and the p in ds, stay as they are.
	// In: q, k, v, o, lse, do, first, last. Out: dq, dk, dv.
	OpAttentionGrad
	// CacheAppend: cache[Past+r, :] = x[r, :] for r < Scalars.Tokens. In: x [R,C]. Out: cache [N,C].
	OpCacheAppend
	// AttentionCached: row r is position Past+r and sees rows max(0, Past+r−Window+1) … Past+r
	// of the cache; rows from Scalars.Tokens on are left as they are.
	// In: q, kcache, vcache [N,KVHeads·HeadDim]. Out: o.
	OpAttentionCached

	// Gated: y = act(a)·b. In: a, b [R,C]. Out: y.
	OpGated
	// GatedGrad: da = dy·b·act'(a), db = dy·act(a). In: a, b, dy. Out: da, db, neither in place of an
	// input.
	OpGatedGrad
	// Add: y = a + b. In: a, b. Out: y. y may be a.
	OpAdd
	// Copy: y = x. In: x. Out: y.
	OpCopy
	// Zero: x = 0. Out: x.
	OpZero

	// CrossEntropy: logp[r] = logits[r, target] − logsumexp(logits[r, :]), 0 where the
	// target is −1; with Gradient, logits become
	// weight·InvN·LossScale·(softmax − onehot), 0 where the target is −1.
	// In: targets I32, weights [R,1]. Out: logits [R,V], logp [R,1].
	OpCrossEntropy

	// GradNorm: optimizer[0, 0] = the Euclidean norm of all gradients over LossScale, summed in
	// float64 by a fixed order. In: grads [1,N]. Out: optimizer [1,4].
	OpGradNorm
	// AdamW (Loshchilov and Hutter, 2019, decoupled decay), for each of Attr.Ranges.
	// Gradients are first divided by LossScale and multiplied by MaxNorm/(norm+1e-6) where norm > MaxNorm > 0
	// (as torch's clip_grad_norm_). A norm that is not finite changes nothing but
	// counts in optimizer[0, 2]. Else optimizer[0, 1], the number of steps t, grows by one first; then, as torch's AdamW,
	// with rate = LearningRate·Rate: p *= 1 − rate·WeightDecay·Decay, m = β1·m + (1−β1)·g, v = β2·v + (1−β2)·g²,
	// p −= rate/(1−β1ᵗ)·m / (sqrt(v)/sqrt(1−β2ᵗ) + Epsilon).
	// In: grads. Out: params, m, v [1,N], optimizer [1,4].
	OpAdamW
	// AdamW8 is AdamW with moments in 8 bits, as bitsandbytes has them (Dettmers et al., 2022): in
	// blocks of 256 elements of a range, each moment is signed[code]·scale (m) or
	// unsigned[code]·scale (v); the update has the new moments before they are rounded to the
	// nearest code, of two the lower, of moment/scale, where scale is the block's largest magnitude. Codes are
	// four to a whole number, the first in its low byte. It comes after an AdamW of the same
	// update, which counts; optimizer is only read.
	// In: grads [1,N], signed, unsigned [1,256], optimizer [1,4]. Out: params [1,N], m, v I32 [1,N/4], scales [2,N/256].
	OpAdamW8
	// SGD, as torch's: skipped, counted and clipped as AdamW, then g += WeightDecay·Decay·p, m = Beta1·m + g,
	// p −= LearningRate·Rate·m. In: grads. Out: params, m [1,N], optimizer [1,4].
	OpSGD

	// Noise (NEFTune; Jain et al., 2023): y += Scale/√(L·C)·u where Scalars.Training, L = last − first + 1 the
	// length of the row's document, u = NoiseUnit of the hash of (NoiseModule, index, column).
	// In: first, last, index I32 [R,1]. Out: y [R,C].
	OpNoise
	// Drop: y = drop(x). In: x [R,C], index. Out: y. Accumulate.
	OpDrop

	// WeightNorm: n[o] = ‖w[o, :] + Scale·b[o, :]·a‖, of DoRA (Liu et al., 2024).
	// In: w [O,I], a [K,I], b [O,K]. Out: n [1,O].
	OpWeightNorm
	// Magnitude: y = x∘f + bias, f = Offset + Scalars.Adapter·(m/n − 1).
	// In: x [R,O], m, n, bias? [1,O]. Out: y [R,O]. Accumulate.
	OpMagnitude
	// MagnitudeGrad: dx = dy∘f; dm += Scalars.Adapter · column sums of dy∘x, over n.
	// In: dy, x [R,O], m, n [1,O]. Out: dx [R,O], dm [1,O].
	OpMagnitudeGrad

	opCount
)

var opNames = [opCount]string{
	"embed", "embed_grad", "rms_norm", "rms_norm_grad", "rms_norm_weight_grad",
	"linear", "linear_grad", "linear_weight_grad", "bias_grad",
	"rope", "attention", "attention_grad", "cache_append", "attention_cached",
	"gated", "gated_grad", "add", "copy", "zero",
	"cross_entropy", "grad_norm", "adamw", "adamw8", "sgd",
	"noise", "drop", "weight_norm", "magnitude", "magnitude_grad",
}

func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "unknown instruction"
}

// Ops lists all instructions.
func Ops() []Op {
	ops := make([]Op, opCount)
	for i := range ops {
		ops[i] = Op(i)
	}
	return ops
}

// Places in the optimizer's small state buffer [1,4].
const (
	OptNorm    = 0 // gradient norm of the last update
	OptSteps   = 1 // updates applied
	OptSkipped = 2 // updates skipped for a norm that was not finite
)
