//go:build !cgo

package cpu

import (
	"math"

	"github.com/loraedge/loraedge/core/program"
)

func (t *turn) embed() {
	ids, table, y := t.in[0], t.in[1], t.out[0]
	t.rows(y.rows, func(r int) {
		row := y.row(r)
		table.decode(int(ids.i[r]), row)
		for c := range row {
			row[c] *= t.Scale
		}
	})
}

func (t *turn) embedGrad() {
	ids, order, dy, table := t.in[0].i, t.in[1].i, t.in[2], t.out[0]
	t.rows(dy.rows, func(i int) {
		id := ids[order[i]]
		if i > 0 && ids[order[i-1]] == id {
			return // the row that the id begins at sums them all
		}
		for ; i < dy.rows && ids[order[i]] == id; i++ {
			addScaled(table.row(int(id)), dy.row(int(order[i])), t.Scale)
		}
	})
}

func (t *turn) rmsNorm() {
	x, w, y, rstd := t.in[0], t.in[1].f, t.out[0], t.out[1]
	n := len(w)
	t.rows(x.rows, func(r int) {
		for g := range rstd.cols {
			from, to := x.row(r)[g*n:][:n], y.row(r)[g*n:][:n]
			s := float32(1 / math.Sqrt(float64(dot(from, from)/float32(n)+t.Eps)))
			rstd.row(r)[g] = s
			for c, v := range from {
				to[c] = v * s * (t.Offset + w[c])
			}
		}
	})
}

func (t *turn) rmsNormGrad() {
	x, w, rstd, dy, dx := t.in[0], t.in[1].f, t.in[2], t.in[3], t.out[0]
	n := len(w)
	t.prepare(dx)
	t.rows(x.rows, func(r int) {
		for g := range rstd.cols {
			from, d, to := x.row(r)[g*n:][:n], dy.row(r)[g*n:][:n], dx.row(r)[g*n:][:n]
			s := rstd.row(r)[g]
			var sum float32
			for c, v := range from {
				sum += d[c] * (t.Offset + w[c]) * v
			}
			mean := sum * s * s / float32(n)
			for c, v := range from {
				to[c] += s * (d[c]*(t.Offset+w[c]) - v*mean)
			}
		}
	})
}

func (t *turn) rmsNormWeightGrad() {
	x, rstd, dy, dw := t.in[0], t.in[1], t.in[2], t.out[0].f
	n := len(dw)
	t.spans(n, 64, func(from, to int) {
		sums := make([]float32, to-from)
		for i, s := range rstd.f { // groups are contiguous
			for c := range sums {
				sums[c] += dy.f[i*n+from+c] * x.f[i*n+from+c] * s
			}
		}
		addScaled(dw[from:to], sums, 1)
	})
}

func (t *turn) rope() {
	x, positions, freq, y := t.in[0], t.in[1].i, t.in[2].f, t.out[0]
	n := len(freq)
	t.rows(x.rows, func(r int) {
		copy(y.row(r), x.row(r))
		row := y.row(r)
		for i, f := range freq {
			sin, cos := math.Sincos(float64(float32(positions[r]) * f))
			if t.Inverse {
				sin = -sin
			}
			s, c := float32(sin)*t.Scale, float32(cos)*t.Scale
			a, b := i, i+n
			if t.Interleaved {
				a, b = 2*i, 2*i+1
			}
			for ; b < len(row); a, b = a+t.HeadDim, b+t.HeadDim {
				row[a], row[b] = row[a]*c-row[b]*s, row[b]*c+row[a]*s
			}
		}
	})
}

// activate is act(a) and act'(a).
func activate(name string, a float64) (value, slope float64) {
	switch name {
	case "silu":
		s := 1 / (1 + math.Exp(-a))
		return a * s, s * (1 + a*(1-s))
	case "gelu":
		cdf := 0.5 * math.Erfc(-a/math.Sqrt2)
		return a * cdf, cdf + a*math.Exp(-a*a/2)/math.Sqrt(2*math.Pi)
	}
	k := math.Sqrt(2 / math.Pi)
	th := math.Tanh(k * (a + 0.044715*a*a*a))
	return 0.5 * a * (1 + th), 0.5*(1+th) + 0.5*a*(1-th*th)*k*(1+3*0.044715*a*a)
}

const elementsOfTask = 1 << 14

func (t *turn) elements(each func(i int)) {
	t.spans(len(t.out[0].f), elementsOfTask, func(from, to int) {
		for i := from; i < to; i++ {
			each(i)
		}
	})
}

func (t *turn) gated() {
	a, b, y := t.in[0].f, t.in[1].f, t.out[0].f
	t.elements(func(i int) {
		v, _ := activate(t.Activation, float64(a[i]))
		y[i] = float32(v) * b[i]
	})
}

func (t *turn) gatedGrad() {
	a, b, dy, da, db := t.in[0].f, t.in[1].f, t.in[2].f, t.out[0].f, t.out[1].f
	t.elements(func(i int) {
		v, slope := activate(t.Activation, float64(a[i]))
		da[i], db[i] = dy[i]*b[i]*float32(slope), dy[i]*float32(v)
	})
}

func (t *turn) add() {
	a, b, y := t.in[0].f, t.in[1].f, t.out[0].f
	t.elements(func(i int) { y[i] = a[i] + b[i] })
}

func (t *turn) copy() { copy(t.out[0].f, t.in[0].f) }
func (t *turn) zero() { clear(t.out[0].f) }

func (t *turn) crossEntropy() {
	targets, weights, logits, logp := t.in[0].i, t.in[1].f, t.out[0], t.out[1].f
	t.parallel(logits.rows, func(r int) {
		row, target := logits.row(r), targets[r]
		if target < 0 {
			logp[r] = 0
			if t.Gradient {
				clear(row)
			}
			return
		}
		highest := row[0]
		for _, v := range row {
			highest = max(highest, v)
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v - highest))
		}
		lse := float64(highest) + math.Log(sum)
		logp[r] = float32(float64(row[target]) - lse)
		if !t.Gradient {
			return
		}
		weight := weights[r] * t.s.LossFactor()
		for c, v := range row {
			row[c] = weight * float32(math.Exp(float64(v)-lse))
		}
		row[target] -= weight
	})
}

func (t *turn) gradNorm() {
	g := t.in[0].f
	sums := make([]float64, (len(g)+elementsOfTask-1)/elementsOfTask)
	t.parallel(len(sums), func(i int) {
		for _, v := range g[i*elementsOfTask : min((i+1)*elementsOfTask, len(g))] {
			sums[i] += float64(v) * float64(v)
		}
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	t.out[0].f[program.OptNorm] = float32(math.Sqrt(sum)) * t.s.Unscale()
}

// beginUpdate counts an update, or a skipped one; clip is what gradients are
// multiplied by.
func (t *turn) beginUpdate(state []float32) (clip float32, ok bool) {
	norm := state[program.OptNorm]
	if n := float64(norm); math.IsNaN(n) || math.IsInf(n, 0) {
		state[program.OptSkipped]++
		return 0, false
	}
	state[program.OptSteps]++
	return t.clip(norm), true
}

func (t *turn) clip(norm float32) float32 {
	if t.s.MaxNorm > 0 && norm > t.s.MaxNorm {
		return t.s.MaxNorm / (norm + 1e-6) * t.s.Unscale()
	}
	return t.s.Unscale()
}

// corrections are 1−β1ᵗ and √(1−β2ᵗ) of AdamW's step t.
func (t *turn) corrections(steps float32) (correction1, root2 float32) {
	return float32(1 - math.Pow(float64(t.s.Beta1), float64(steps))), float32(math.Sqrt(1 - math.Pow(float64(t.s.Beta2), float64(steps))))
}

func (t *turn) adamW() {
	g, p, m, v, state, s := t.in[0].f, t.out[0].f, t.out[1].f, t.out[2].f, t.out[3].f, t.s
	clip, ok := t.beginUpdate(state)
	if !ok {
		return
	}
	correction1, root2 := t.corrections(state[program.OptSteps])
	for _, part := range t.Ranges {
		rate := s.LearningRate * part.Rate
		keep, step := 1-rate*(s.WeightDecay*part.Decay), rate/correction1
		t.spans(int(part.Len), elementsOfTask, func(from, to int) {
			for i := int(part.Offset) + from; i < int(part.Offset)+to; i++ {
				gi := g[i] * clip
				m[i] += (1 - s.Beta1) * (gi - m[i])
				v[i] = s.Beta2*v[i] + (1-s.Beta2)*gi*gi
				p[i] = p[i]*keep - step*m[i]/(float32(math.Sqrt(float64(v[i])))/root2+s.Epsilon)
			}
		})
	}
}
