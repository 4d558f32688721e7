package reference

import (
	"math"
	"sort"

	"github.com/loraedge/loraedge/core/program"
)

func gradNorm[F Float](t *step[F]) {
	grads := t.in[0].row(0)
	t.out[0].set(0, program.OptNorm, math.Sqrt(dot(grads, grads))*float64(t.s.Unscale()))
}

// begin counts an update, or a skipped one; clip is what gradients are
// multiplied by.
func (t *step[F]) begin(optimizer matrix[F]) (clip float64, ok bool) {
	norm := optimizer.at(0, program.OptNorm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		optimizer.add(0, program.OptSkipped, 1)
		return 0, false
	}
	optimizer.add(0, program.OptSteps, 1)
	return t.clip(norm), true
}

func (t *step[F]) clip(norm float64) float64 {
	unscale := float64(t.s.Unscale())
	if limit := float64(t.s.MaxNorm); limit > 0 && norm > limit {
		return limit / (norm + 1e-6) * unscale
	}
	return unscale
}

// adam holds what all elements of an update share.
type adam struct{ beta1, beta2, correction1, correction2, eps, clip float64 }

func (t *step[F]) adam(optimizer matrix[F], clip float64) adam {
	beta1, beta2 := float64(t.s.Beta1), float64(t.s.Beta2)
	steps := optimizer.at(0, program.OptSteps)
	return adam{beta1, beta2, 1 - math.Pow(beta1, steps), 1 - math.Pow(beta2, steps), float64(t.s.Epsilon), clip}
}

// moments are those after a gradient.
func (a adam) moments(m, v, g float64) (first, second float64) {
	g *= a.clip
	return a.beta1*m + (1-a.beta1)*g, a.beta2*v + (1-a.beta2)*g*g
}

// update is a parameter after its decay and a step along its moments.
func (a adam) update(p, first, second, rate, decay float64) float64 {
	return decay*p - rate/a.correction1*first/(math.Sqrt(second)/math.Sqrt(a.correction2)+a.eps)
}

// rate and what decay leaves of a range's parameters.
func (t *step[F]) rates(part program.Range) (rate, decay float64) {
	rate = float64(t.s.LearningRate) * float64(part.Rate)
	return rate, 1 - rate*float64(t.s.WeightDecay)*float64(part.Decay)
}

// adamW is one update of torch's AdamW over every range.
func adamW[F Float](t *step[F]) {
	grads, params, m, v, optimizer := t.in[0].data, t.out[0].data, t.out[1].data, t.out[2].data, t.out[3]
	clip, ok := t.begin(optimizer)
	if !ok {
		return
	}
	a := t.adam(optimizer, clip)
	for _, part := range t.Ranges {
		rate, decay := t.rates(part)
		for i := part.Offset; i < part.Offset+part.Len; i++ {
			first, second := a.moments(float64(m[i]), float64(v[i]), float64(grads[i]))
			m[i], v[i] = F(first), F(second)
			params[i] = F(a.update(float64(params[i]), first, second, rate, decay))
		}
	}
}

// sgd is one update of torch's SGD with momentum over every range.
func sgd[F Float](t *step[F]) {
	grads, params, m, optimizer := t.in[0].data, t.out[0].data, t.out[1].data, t.out[2]
	clip, ok := t.begin(optimizer)
	if !ok {
		return
	}
	for _, part := range t.Ranges {
		rate := float64(t.s.LearningRate) * float64(part.Rate)
		for i := part.Offset; i < part.Offset+part.Len; i++ {
			g := clip*float64(grads[i]) + float64(t.s.WeightDecay)*float64(part.Decay)*float64(params[i])
			momentum := float64(t.s.Beta1)*float64(m[i]) + g
			m[i] = F(momentum)
			params[i] = F(float64(params[i]) - rate*momentum)
		}
	}
}

// codeBlock is the number of elements that share a scale in AdamW8.
const codeBlock = 256

// adamW8 is adamW with moments in 8 bits.
func adamW8[F Float](t *step[F]) {
	grads, signed, unsigned, optimizer := t.in[0].data, t.in[1].data, t.in[2].data, t.in[3]
	params, m, v, scales := t.out[0].data, t.out[1].ints, t.out[2].ints, t.out[3]
	norm := optimizer.at(0, program.OptNorm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return
	}
	a := t.adam(optimizer, t.clip(norm))
	for _, part := range t.Ranges {
		rate, decay := t.rates(part)
		for from := part.Offset; from < part.Offset+part.Len; from += codeBlock {
			n := min(codeBlock, part.Offset+part.Len-from)
			block := int(from / codeBlock)
			first, second := make([]float64, n), make([]float64, n)
			for k := range n {
				i := from + k
				oldFirst := float64(signed[code(m, i)]) * scales.at(0, block)
				oldSecond := float64(unsigned[code(v, i)]) * scales.at(1, block)
				first[k], second[k] = a.moments(oldFirst, oldSecond, float64(grads[i]))
				params[i] = F(a.update(float64(params[i]), first[k], second[k], rate, decay))
			}
			scales.set(0, block, encode(m, from, first, signed))
			scales.set(1, block, encode(v, from, second, unsigned))
		}
	}
}

// code is the code of element i.
func code(words []int32, i int64) uint8 { return uint8(uint32(words[i/4]) >> (8 * (i % 4))) }

// encode writes the codes of values, whose block begins at element from, and
// returns their scale.
func encode[F Float](words []int32, from int64, values []float64, table []F) float64 {
	var scale float64
	for _, x := range values {
		scale = max(scale, math.Abs(x))
	}
	for k, x := range values {
		if scale > 0 {
			x /= scale
		}
		above := sort.Search(len(table)-1, func(c int) bool { return float64(table[c]) >= x })
		c := above
		if above > 0 && x-float64(table[above-1]) <= float64(table[above])-x {
			c = above - 1
		}
		i := from + int64(k)
		shift := 8 * (i % 4)
		words[i/4] = int32(uint32(words[i/4])&^(0xff<<shift) | uint32(c)<<shift)
	}
	return scale
}
