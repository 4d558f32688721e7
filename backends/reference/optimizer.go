package reference

import (
	"math"

	"github.com/loraedge/loraedge/core/program"
)

func gradNorm[F Float](t *step[F]) {
	grads := t.in[0].row(0)
	t.out[0].set(0, program.OptNorm, math.Sqrt(dot(grads, grads)))
}

// adamW is one update of torch's AdamW over every range.
func adamW[F Float](t *step[F]) {
	grads, params, m, v, optimizer := t.in[0].data, t.out[0].data, t.out[1].data, t.out[2].data, t.out[3]
	norm := optimizer.at(0, program.OptNorm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		optimizer.add(0, program.OptSkipped, 1)
		return
	}
	optimizer.add(0, program.OptSteps, 1)
	clip := 1.0
	if limit := float64(t.s.MaxNorm); limit > 0 && norm > limit {
		clip = limit / (norm + 1e-6)
	}
	beta1, beta2, eps := float64(t.s.Beta1), float64(t.s.Beta2), float64(t.s.Epsilon)
	steps := optimizer.at(0, program.OptSteps)
	correction1, correction2 := 1-math.Pow(beta1, steps), 1-math.Pow(beta2, steps)
	for _, part := range t.Ranges {
		rate := float64(t.s.LearningRate) * float64(part.Rate)
		decay := 1 - rate*float64(t.s.WeightDecay)*float64(part.Decay)
		for i := part.Offset; i < part.Offset+part.Len; i++ {
			g := clip * float64(grads[i])
			first := beta1*float64(m[i]) + (1-beta1)*g
			second := beta2*float64(v[i]) + (1-beta2)*g*g
			m[i], v[i] = F(first), F(second)
			denominator := math.Sqrt(second)/math.Sqrt(correction2) + eps
			params[i] = F(decay*float64(params[i]) - rate/correction1*first/denominator)
		}
	}
}
