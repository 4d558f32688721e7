//go:build !cgo

package cpu

import (
	"math"
	"sort"

	"github.com/loraedge/loraedge/core/program"
)

func (t *turn) noise() {
	if !t.s.Training {
		return
	}
	first, last, index, y := t.in[0].i, t.in[1].i, t.in[2].i, t.out[0]
	t.rows(y.rows, func(r int) {
		size := t.Scale / float32(math.Sqrt(float64(last[r]-first[r]+1)*float64(y.cols)))
		key := program.RowKey(t.s.Seed, t.s.DropoutStep, program.NoiseModule, uint32(index[r]))
		row := y.row(r)
		for c := range row {
			row[c] += size * program.NoiseUnit(program.Keep(key, uint32(c)))
		}
	})
}

func (t *turn) drop() {
	x, y := t.in[0], t.out[0]
	drop := t.dropout(t.in[1])
	t.prepare(y)
	t.rows(x.rows, func(r int) {
		factor, to := func(int) float32 { return 1 }, y.row(r)
		if drop != nil {
			factor = drop(r)
		}
		for c, v := range x.row(r) {
			to[c] += v * factor(c)
		}
	})
}

func (t *turn) weightNorm() {
	w, a, b, n := t.in[0], t.in[1], t.in[2], t.out[0].f
	w = t.floats(w)
	t.rows(w.rows, func(o int) {
		row := append([]float32(nil), w.row(o)...)
		for k, v := range b.row(o) {
			addScaled(row, a.row(k), t.Scale*v)
		}
		n[o] = float32(math.Sqrt(float64(dot(row, row))))
	})
}

// magnitudes are the factors of DoRA's columns.
func (t *turn) magnitudes(m, n []float32) []float32 {
	f := make([]float32, len(m))
	for o := range f {
		f[o] = t.Offset + t.s.Adapter*(m[o]/n[o]-1)
	}
	return f
}

func (t *turn) magnitude() {
	x, bias, y := t.in[0], t.in[3], t.out[0]
	f := t.magnitudes(t.in[1].f, t.in[2].f)
	t.prepare(y)
	t.rows(x.rows, func(r int) {
		to := y.row(r)
		for o, v := range x.row(r) {
			to[o] += v * f[o]
		}
		if bias.rows > 0 {
			addScaled(to, bias.f, 1)
		}
	})
}

func (t *turn) magnitudeGrad() {
	dy, x, n, dx, dm := t.in[0], t.in[1], t.in[3].f, t.out[0], t.out[1].f
	f := t.magnitudes(t.in[2].f, n)
	t.spans(x.cols, 64, func(from, to int) {
		sums := make([]float32, to-from)
		for r := range x.rows {
			d, xr, out := dy.row(r)[from:to], x.row(r)[from:to], dx.row(r)[from:to]
			for o, v := range d {
				sums[o] += v * xr[o]
				out[o] = v * f[from+o]
			}
		}
		for o, v := range sums {
			dm[from+o] += t.s.Adapter * v / n[from+o]
		}
	})
}

func (t *turn) sgd() {
	g, p, m, state, s := t.in[0].f, t.out[0].f, t.out[1].f, t.out[2].f, t.s
	clip, ok := t.beginUpdate(state)
	if !ok {
		return
	}
	for _, part := range t.Ranges {
		rate, decay := s.LearningRate*part.Rate, s.WeightDecay*part.Decay
		t.spans(int(part.Len), elementsOfTask, func(from, to int) {
			for i := int(part.Offset) + from; i < int(part.Offset)+to; i++ {
				m[i] = s.Beta1*m[i] + (g[i]*clip + decay*p[i])
				p[i] -= rate * m[i]
			}
		})
	}
}

// codeBlock is the number of elements that share a scale in adamW8.
const codeBlock = 256

func (t *turn) adamW8() {
	g, signed, unsigned, state := t.in[0].f, t.in[1].f, t.in[2].f, t.in[3].f
	p, m, v, scales, s := t.out[0].f, t.out[1].i, t.out[2].i, t.out[3], t.s
	norm := state[program.OptNorm]
	if n := float64(norm); math.IsNaN(n) || math.IsInf(n, 0) {
		return
	}
	clip := t.clip(norm)
	correction1, root2 := t.corrections(state[program.OptSteps])
	for _, part := range t.Ranges {
		rate := s.LearningRate * part.Rate
		keep, step := 1-rate*(s.WeightDecay*part.Decay), rate/correction1
		t.spans(int(part.Len), codeBlock, func(from, to int) {
			var first, second [codeBlock]float32
			at := int(part.Offset) + from
			block := at / codeBlock
			scale1, scale2 := scales.row(0)[block], scales.row(1)[block]
			for k := range to - from {
				i := at + k
				gi := g[i] * clip
				first[k] = signed[codeAt(m, i)] * scale1
				first[k] += (1 - s.Beta1) * (gi - first[k])
				second[k] = s.Beta2*unsigned[codeAt(v, i)]*scale2 + (1-s.Beta2)*gi*gi
				p[i] = p[i]*keep - step*first[k]/(float32(math.Sqrt(float64(second[k])))/root2+s.Epsilon)
			}
			scales.row(0)[block] = encodeBlock(m, at, first[:to-from], signed)
			scales.row(1)[block] = encodeBlock(v, at, second[:to-from], unsigned)
		})
	}
}

func codeAt(words []int32, i int) uint8 { return uint8(uint32(words[i/4]) >> (8 * (i % 4))) }

// encodeBlock writes the nearest codes of values, whose first is element at,
// and returns their scale.
func encodeBlock(words []int32, at int, values, table []float32) float32 {
	var scale float32
	for _, x := range values {
		scale = max(scale, x, -x)
	}
	for k, x := range values {
		if scale > 0 {
			x /= scale
		}
		c := sort.Search(len(table)-1, func(c int) bool { return table[c] >= x })
		if c > 0 && x-table[c-1] <= table[c]-x {
			c--
		}
		i, shift := at+k, 8*((at+k)%4)
		words[i/4] = int32(uint32(words[i/4])&^(0xff<<shift) | uint32(c)<<shift)
	}
	return scale
}
