package backendtest

import (
	"math"
	"testing"

	"github.com/loraedge/loraedge/core/program"
)

// bound is, for every element of every output, (input + √K·accumulator)·(|A|·|B|).
// 0 asks for the very same value.
func (c *Case) bound(t *testing.T, want [][]float64, p precision) [][]float64 {
	t.Helper()
	switch c.Op {
	case program.OpCopy, program.OpZero, program.OpCacheAppend:
		return scaled(want, 0)
	case program.OpRMSNorm:
		return scaled(want, p.unit(c.In[1].Cols)) // a relative error of the mean of squares
	case program.OpRMSNormGrad:
		return c.normGradBound(p)
	case program.OpRMSNormWeightGrad:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Rows*c.In[1].Cols))
	case program.OpEmbed, program.OpAdd:
		return scaled(c.magnitudes(t), p.unit(1))
	case program.OpEmbedGrad, program.OpBiasGrad:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Rows))
	case program.OpLinear:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Cols+c.In[3].Cols+1))
	case program.OpLinearGrad:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Cols+c.In[2].Cols))
	case program.OpLinearWeightGrad:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Rows))
	case program.OpRoPE:
		return c.ropeBound(p)
	case program.OpAttention:
		return c.attentionBound(want[0], want[1], p)
	case program.OpAttentionCached:
		return c.attentionBound(want[0], nil, p)[:1]
	case program.OpAttentionGrad:
		return c.attentionGradBound(p)
	case program.OpGated, program.OpGatedGrad:
		return c.gatedBound(p)
	case program.OpCrossEntropy:
		return c.crossEntropyBound(want, p)
	case program.OpGradNorm:
		b := scaled(want, 0)
		b[0][program.OptNorm] = float32Unit * want[0][program.OptNorm]
		return b
	case program.OpNoise:
		return c.noiseBound(want, p)
	case program.OpDrop:
		return scaled(c.magnitudes(t), p.unit(1))
	case program.OpWeightNorm:
		return scaled(c.magnitudes(t), p.unit(c.In[0].Cols+c.In[1].Rows))
	case program.OpMagnitude:
		return c.magnitudeBound(p)
	case program.OpMagnitudeGrad:
		return c.magnitudeGradBound(p)
	case program.OpSGD:
		return c.sgdBound(t, want)
	case program.OpAdamW8:
		return c.adamW8Bound(t, want)
	default:
		return c.adamWBound(t, want)
	}
}

func scaled(x [][]float64, by float64) [][]float64 {
	out := make([][]float64, len(x))
	for i := range x {
		out[i] = make([]float64, len(x[i]))
		if by == 0 {
			continue
		}
		for n, v := range x[i] {
			out[i][n] = math.Abs(v) * by
		}
	}
	return out
}

func abs[F float32 | float64](x F) float64 { return math.Abs(float64(x)) }

// normGradBound: rstd·(|g| + |x̂|·mean|g·x̂|), g = dy·(|Offset| + |w|).
func (c *Case) normGradBound(p precision) [][]float64 {
	x, w, rstd, dy := c.In[0], c.In[1], c.In[2], c.In[3]
	n := w.Cols
	out := make([]float64, x.Rows*x.Cols)
	for g := range x.Rows * rstd.Cols { // groups are contiguous
		s := abs(rstd.Floats[g])
		gradient := func(i int) float64 {
			return abs(dy.Floats[g*n+i]) * (abs(c.Attr.Offset) + abs(w.Floats[i]))
		}
		var mean float64
		for i := range n {
			mean += gradient(i) * abs(x.Floats[g*n+i]) * s / float64(n)
		}
		for i := range n {
			e := g*n + i
			out[e] = s * (gradient(i) + abs(x.Floats[e])*s*mean)
			if c.Attr.Accumulate {
				out[e] += abs(c.Out[0].Floats[e])
			}
			out[e] *= p.unit(n)
		}
	}
	return [][]float64{out}
}

// ropeBound: |Scale| times twice the largest element of the head's row.
func (c *Case) ropeBound(p precision) [][]float64 {
	x := c.In[0]
	d := c.Attr.HeadDim
	out := make([]float64, len(x.Floats))
	for h := 0; h < len(out); h += d {
		var largest float64
		for _, v := range x.Floats[h : h+d] {
			largest = max(largest, abs(v))
		}
		for i := range d {
			out[h+i] = 2 * max(1, abs(c.Attr.Scale)) * largest * p.unit(1)
		}
	}
	return [][]float64{out}
}

// gatedBound: an activation is as exact as its argument, |act(a)| ≤ |a|,
// |act'(a)| ≤ 1 + |a|.
func (c *Case) gatedBound(p precision) [][]float64 {
	a, b := c.In[0].Floats, c.In[1].Floats
	out := make([][]float64, len(c.Out))
	for i := range out {
		out[i] = make([]float64, len(a))
	}
	for n := range a {
		if c.Op == program.OpGated {
			out[0][n] = abs(a[n]) * abs(b[n]) * p.unit(1)
			continue
		}
		dy := abs(c.In[2].Floats[n])
		out[0][n] = dy * abs(b[n]) * (1 + abs(a[n])) * p.unit(1)
		out[1][n] = dy * abs(a[n]) * p.unit(1)
	}
	return out
}

// crossEntropyBound: a logit is rounded once, their exponentials' sum is over V terms.
func (c *Case) crossEntropyBound(want [][]float64, p precision) [][]float64 {
	logits, weights := c.Out[0], c.In[1]
	out := [][]float64{make([]float64, len(logits.Floats)), make([]float64, logits.Rows)}
	for r := range logits.Rows {
		if c.In[0].Ints[r] == -1 {
			continue
		}
		var largest float64
		for _, v := range logits.Floats[r*logits.Cols:][:logits.Cols] {
			largest = max(largest, abs(v))
		}
		e := 2*largest*float32Unit + p.unit(logits.Cols)
		out[1][r] = e + abs(want[1][r])*float32Unit
		if !c.Attr.Gradient {
			continue // the logits stay as they are
		}
		factor := abs(weights.Floats[r]) * abs(c.Scalars.LossFactor())
		for i := range logits.Cols {
			n := r*logits.Cols + i
			softmax := abs(want[0][n])
			if i == int(c.In[0].Ints[r]) {
				softmax = factor
			}
			out[0][n] = softmax*e + factor*1e-30 // results below float32's smallest may be 0
		}
	}
	return out
}

// adamWBound: a moment is a sum of two terms, a parameter one of what it was
// and the update.
func (c *Case) adamWBound(t *testing.T, want [][]float64) [][]float64 {
	const unit = 4 * float32Unit // a handful of roundings one after another
	norm := float64(c.Out[3].Floats[program.OptNorm])
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return scaled(want, 0)
	}
	large := c.magnitudes(t)
	out := scaled(large, unit)
	for n, before := range c.Out[0].Floats {
		// The update of the magnitudes is at most the change and the decay.
		out[0][n] = unit * (2*abs(before) + abs(large[0][n]))
	}
	for n, in := range c.insideRanges() {
		if !in {
			out[0][n], out[1][n], out[2][n] = 0, 0, 0
		}
	}
	clear(out[3])
	return out
}
