package backendtest

import (
	"fmt"
	"math"
	"slices"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// positive is a random vector that can be divided by.
func (g *generator) positive(cols int) Operand {
	o := g.normal(1, cols)
	for i, v := range o.Floats {
		o.Floats[i] = float32(math.Abs(float64(v))) + 0.1
	}
	return o
}

func noiseCases(g *generator) {
	for _, s := range elements {
		r, c := s[0], s[1]
		name := fmt.Sprintf("%dx%d", r, c)
		first, last := make([]int32, r), make([]int32, r) // documents of 1, 2, 3 … rows
		for at, n := 0, 1; at < r; at, n = at+n, n+1 {
			for i := at; i < min(at+n, r); i++ {
				first[i], last[i] = int32(at), int32(min(at+n, r)-1)
			}
		}
		in := list(ints(first), ints(last), g.index(r))
		g.add(name, program.Attr{Scale: 5}, in, list(g.normal(r, c)))
		g.add(name+"/no_training", program.Attr{Scale: 5}, in, list(g.normal(r, c))).Scalars.Training = false
		g.add(name+"/view", program.Attr{Scale: 0.3}, g.amid(slices.Clone(in)), g.amid(list(g.normal(r, c))))
	}
}

func dropCases(g *generator) {
	for _, s := range elements {
		r, c := s[0], s[1]
		name := fmt.Sprintf("%dx%d", r, c)
		in := list(g.normal(r, c), g.index(r))
		g.add(name, program.Attr{Dropout: dropout}, in, list(fresh(r, c)))
		g.add(name+"/no_training", program.Attr{Dropout: dropout}, in, list(fresh(r, c))).Scalars.Training = false
		g.add(name+"/none", program.Attr{}, list(in[0], absent), list(fresh(r, c)))
		g.add(name+"/accumulate/view", program.Attr{Dropout: dropout, Accumulate: true}, g.amid(slices.Clone(in)), g.amid(list(g.normal(r, c))))
	}
}

func weightNormCases(g *generator) {
	for n, s := range products {
		i, o, k := s[1], s[2], ranks[n%len(ranks)]
		name := fmt.Sprintf("%dx%d_rank_%d", o, i, k)
		in := list(g.normal(o, i), g.normal(k, i), g.normal(o, k))
		g.add(name, program.Attr{Scale: 0.5}, in, list(fresh(1, o)))
		g.add(name+"/view", program.Attr{Scale: -2}, g.amid(slices.Clone(in)), g.amid(list(fresh(1, o))))
	}
	for n, s := range typedProducts {
		i, o, k := s[1], s[2], ranks[n%len(ranks)]
		w, a, b := g.normal(o, i), g.normal(k, i), g.normal(o, k)
		for _, t := range weightTypes(i)[1:] {
			name := fmt.Sprintf("%dx%d_rank_%d/weight_%s", o, i, k, t)
			g.add(name, program.Attr{Scale: 0.5}, g.amidUnlessBlocks(list(held(w, t), a, b)), g.amid(list(fresh(1, o))))
		}
	}
}

func magnitudeCases(g *generator) {
	for _, s := range elements {
		r, c := s[0], s[1]
		name := fmt.Sprintf("%dx%d", r, c)
		in := list(g.normal(r, c), g.normal(1, c), g.positive(c), absent)
		g.add(name, program.Attr{Offset: 1}, in, list(fresh(r, c)))
		g.add(name+"/adapter_off", program.Attr{Offset: 1}, in, list(fresh(r, c))).Scalars.Adapter = 0
		in = slices.Clone(in)
		in[3] = g.normal(1, c)
		g.add(name+"/bias", program.Attr{Offset: 1}, in, list(fresh(r, c)))
		g.add(name+"/accumulate/view", program.Attr{Accumulate: true}, g.amid(slices.Clone(in)), g.amid(list(g.normal(r, c)))).Scalars.Adapter = 0.5
	}
}

func magnitudeGradCases(g *generator) {
	for _, s := range elements {
		r, c := s[0], s[1]
		name := fmt.Sprintf("%dx%d", r, c)
		in := list(g.normal(r, c), g.normal(r, c), g.normal(1, c), g.positive(c))
		g.add(name, program.Attr{Offset: 1}, in, list(fresh(r, c), g.normal(1, c)))
		g.add(name+"/view", program.Attr{}, g.amid(slices.Clone(in)), g.amid(list(fresh(r, c), g.normal(1, c)))).Scalars.Adapter = 0.5
	}
}

// update is a state in which optimizers are tried; scale is that of the loss.
type update struct {
	name                    string
	norm, steps, max, scale float32
}

var updates = []update{
	{"first", 3, 0, 0, 0}, {"clipped", 3, 0, 1, 0}, {"below_limit", 0.5, 6, 1, 0}, {"later", 3, 999, 1, 0},
	{"nan", float32(math.NaN()), 4, 1, 0}, {"infinity", float32(math.Inf(1)), 4, 0, 0},
	{"scaled", 3, 6, 0, 1024}, {"scaled_clipped", 3, 6, 1, 1024},
}

// grads are n gradients with the loss scale in them.
func (u update) grads(g *generator, n int) Operand {
	return Operand{Rows: 1, Cols: n, Floats: g.Normal(n, float64(max(u.scale, 1)))}
}

func sgdCases(g *generator) {
	for _, s := range updates {
		const n = 1024
		attr := program.Attr{Ranges: []program.Range{
			{Name: "a", Offset: 0, Len: 250, Decay: 1, Rate: 1},
			{Name: "b", Offset: 256, Len: 3, Decay: 0, Rate: 16},
			{Name: "c", Offset: 512, Len: 500, Decay: 0.5, Rate: 0.1},
		}}
		optimizer := Operand{Rows: 1, Cols: 4, Floats: []float32{s.norm, s.steps, 2, 0}}
		c := g.add(s.name, attr, list(s.grads(g, n)), list(g.normal(1, n), g.normal(1, n), optimizer))
		c.Scalars.LossScale = s.scale
		c.Scalars.LearningRate, c.Scalars.Beta1, c.Scalars.WeightDecay, c.Scalars.MaxNorm = 2e-3, 0.8, 0.1, s.max
	}
}

// adamW8Cases have whole blocks, parts of blocks, and a block without any
// gradient yet; optimizer counts the update already.
func adamW8Cases(g *generator) {
	for _, s := range updates {
		const n = 2048
		attr := program.Attr{Ranges: []program.Range{
			{Name: "a", Offset: 0, Len: 700, Decay: 1, Rate: 1},
			{Name: "b", Offset: 768, Len: 3, Decay: 0, Rate: 16},
			{Name: "c", Offset: 1024, Len: 512, Decay: 0.5, Rate: 0.1},
		}}
		optimizer := Operand{Rows: 1, Cols: 4, Floats: []float32{s.norm, s.steps + 1, 2, 0}}
		grads := s.grads(g, n)
		clear(grads.Floats[1024:1280])
		scales := Operand{Rows: 2, Cols: n / 256, Floats: make([]float32, 2*n/256)}
		m, v := Operand{Rows: 1, Cols: n / 4, Ints: make([]int32, n/4)}, Operand{Rows: 1, Cols: n / 4, Ints: make([]int32, n/4)}
		if s.steps > 0 {
			for i := range scales.Floats {
				scales.Floats[i] = float32(0.1 + g.Float64())
			}
			for i := range m.Ints {
				m.Ints[i], v.Ints[i] = int32(g.Uint32()), int32(g.Uint32())
			}
		}
		c := g.add(s.name, attr, list(grads, tableOf(dtype.Dynamic), tableOf(dtype.DynamicUnsigned), optimizer), list(g.normal(1, n), m, v, scales))
		c.Scalars.LossScale = s.scale
		c.Scalars.LearningRate, c.Scalars.Beta1, c.Scalars.Beta2 = 2e-3, 0.9, 0.999
		c.Scalars.Epsilon, c.Scalars.WeightDecay, c.Scalars.MaxNorm = 1e-8, 0.1, s.max
	}
}

func tableOf(values [256]float32) Operand { return Operand{Rows: 1, Cols: 256, Floats: values[:]} }
