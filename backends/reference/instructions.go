package reference

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
)

// matrix is an operand in memory, row by row; data nil where it is absent.
// ints holds the elements of I32 operands.
type matrix[F Float] struct {
	rows, cols int
	data       []F
	ints       []int32
}

func (m matrix[F]) given() bool { return m.data != nil }

// row is row r, to be read or written.
func (m matrix[F]) row(r int) []F { return m.data[r*m.cols:][:m.cols] }

// at is element [r, c] in the type of arithmetic.
func (m matrix[F]) at(r, c int) float64 { return float64(m.data[r*m.cols+c]) }

// set rounds v to element [r, c].
func (m matrix[F]) set(r, c int, v float64) { m.data[r*m.cols+c] = F(v) }

// add adds v to element [r, c].
func (m matrix[F]) add(r, c int, v float64) { m.set(r, c, m.at(r, c)+v) }

// step is one instruction about to run.
type step[F Float] struct {
	*program.Attr
	s       *program.Scalars
	in, out []matrix[F]
}

// put replaces element [r, c] of m by v, or adds v to it, as Accumulate says.
func (t *step[F]) put(m matrix[F], r, c int, v float64) {
	if t.Accumulate {
		v += m.at(r, c)
	}
	m.set(r, c, v)
}

func run[F Float](op program.Op, t *step[F]) error {
	switch op {
	case program.OpEmbed:
		embed(t)
	case program.OpEmbedGrad:
		embedGrad(t)
	case program.OpRMSNorm:
		rmsNorm(t)
	case program.OpRMSNormGrad:
		rmsNormGrad(t)
	case program.OpRMSNormWeightGrad:
		rmsNormWeightGrad(t)
	case program.OpLinear:
		linear(t)
	case program.OpLinearGrad:
		linearGrad(t)
	case program.OpLinearWeightGrad:
		linearWeightGrad(t)
	case program.OpBiasGrad:
		biasGrad(t)
	case program.OpRoPE:
		rope(t)
	case program.OpAttention:
		attention(t)
	case program.OpAttentionGrad:
		attentionGrad(t)
	case program.OpCacheAppend:
		cacheAppend(t)
	case program.OpAttentionCached:
		attentionCached(t)
	case program.OpGated:
		gated(t)
	case program.OpGatedGrad:
		gatedGrad(t)
	case program.OpAdd:
		add(t)
	case program.OpCopy:
		copy(t.out[0].data, t.in[0].data)
	case program.OpZero:
		clear(t.out[0].data)
	case program.OpCrossEntropy:
		crossEntropy(t)
	case program.OpGradNorm:
		gradNorm(t)
	case program.OpAdamW:
		adamW(t)
	case program.OpAdamW8:
		adamW8(t)
	case program.OpSGD:
		sgd(t)
	case program.OpNoise:
		noise(t)
	case program.OpDrop:
		drop(t)
	case program.OpWeightNorm:
		weightNorm(t)
	case program.OpMagnitude:
		magnitude(t)
	case program.OpMagnitudeGrad:
		magnitudeGrad(t)
	default:
		return fmt.Errorf("there is no instruction with code %d", op)
	}
	return nil
}
