package backendtest

import (
	"math"
	"sort"
	"testing"

	"github.com/loraedge/loraedge/core/program"
)

// noiseBound: what was there and the largest noise.
func (c *Case) noiseBound(want [][]float64, p precision) [][]float64 {
	out := scaled(want, p.unit(1))
	for n, before := range c.Out[0].Floats {
		out[0][n] += abs(before) * p.unit(1)
	}
	return out
}

// factorBound is |Offset| + |Adapter|·(|m/n| + 1) of column o.
func (c *Case) factorBound(m, n Operand, o int) float64 {
	return abs(c.Attr.Offset) + abs(c.Scalars.Adapter)*(abs(m.Floats[o])/abs(n.Floats[o])+1)
}

func (c *Case) magnitudeBound(p precision) [][]float64 {
	x, bias, y := c.In[0], c.In[3], c.Out[0]
	out := make([]float64, len(x.Floats))
	for i, v := range x.Floats {
		o := i % x.Cols
		out[i] = abs(v) * c.factorBound(c.In[1], c.In[2], o)
		if !bias.Absent() {
			out[i] += abs(bias.Floats[o])
		}
		if c.Attr.Accumulate {
			out[i] += abs(y.Floats[i])
		}
		out[i] *= p.unit(1)
	}
	return [][]float64{out}
}

func (c *Case) magnitudeGradBound(p precision) [][]float64 {
	dy, x, m, n, dm := c.In[0], c.In[1], c.In[2], c.In[3], c.Out[1]
	out := [][]float64{make([]float64, len(x.Floats)), make([]float64, x.Cols)}
	for i, v := range dy.Floats {
		o := i % x.Cols
		out[0][i] = abs(v) * c.factorBound(m, n, o) * p.unit(1)
		out[1][o] += abs(c.Scalars.Adapter) * abs(v) * abs(x.Floats[i]) / abs(n.Floats[o])
	}
	for o := range out[1] {
		out[1][o] = (out[1][o] + abs(dm.Floats[o])) * p.unit(x.Rows)
	}
	return out
}

// sgdBound is as adamWBound.
func (c *Case) sgdBound(t *testing.T, want [][]float64) [][]float64 {
	norm := float64(c.Out[2].Floats[program.OptNorm])
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return scaled(want, 0)
	}
	const unit = 4 * float32Unit
	large := c.magnitudes(t)
	out := scaled(large, unit)
	inside := c.insideRanges()
	for n, before := range c.Out[0].Floats {
		out[0][n] = unit * (2*abs(before) + abs(large[0][n]))
		if !inside[n] {
			out[0][n], out[1][n] = 0, 0
		}
	}
	clear(out[2])
	return out
}

func (c *Case) insideRanges() []bool {
	inside := make([]bool, len(c.Out[0].Floats))
	for _, r := range c.Attr.Ranges {
		for i := r.Offset; i < r.Offset+r.Len; i++ {
			inside[i] = true
		}
	}
	return inside
}

// adamW8Bound: parameters and moments are as exact as AdamW's; a code may be
// the next one where its moment lies between two codes.
func (c *Case) adamW8Bound(t *testing.T, want [][]float64) [][]float64 {
	norm := float64(c.In[3].Floats[program.OptNorm])
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return scaled(want, 0)
	}
	same := c.asAdamW()
	exact := same.want(t)
	bounds := same.adamWBound(t, exact)
	out := [][]float64{bounds[0], make([]float64, len(want[1])), make([]float64, len(want[2])), make([]float64, len(want[3]))}
	blocks := c.Out[3].Cols
	inside := c.insideRanges()
	for which := range 2 {
		table := c.In[1+which].Floats
		scales := want[3][which*blocks:][:blocks]
		for i, in := range inside {
			if !in {
				continue
			}
			block := i / 256
			e := slack * bounds[1+which][i]
			out[3][which*blocks+block] = max(out[3][which*blocks+block], bounds[1+which][i])
			if s := scales[block]; s > 0 && betweenCodes(table, exact[1+which][i]/s, 2*e/s+1e-6) {
				out[1+which][i] = 1.0 / slack
			}
		}
	}
	return out
}

// betweenCodes says whether x is nearer than e to the middle of two values.
func betweenCodes(table []float32, x, e float64) bool {
	above := sort.Search(len(table), func(c int) bool { return float64(table[c]) >= x })
	for c := max(above-2, 0); c < min(above+2, len(table)-1); c++ {
		if math.Abs(x-(float64(table[c])+float64(table[c+1]))/2) <= e {
			return true
		}
	}
	return false
}

// asAdamW is the case with its moments as AdamW has them.
func (c *Case) asAdamW() *Case {
	optimizer := c.In[3]
	optimizer.Floats = append([]float32(nil), optimizer.Floats...)
	optimizer.Floats[program.OptSteps]-- // AdamW counts the update itself
	same := *c
	same.Op = program.OpAdamW
	same.In = list(c.In[0])
	same.Out = list(c.Out[0], c.moment(0), c.moment(1), optimizer)
	return &same
}

// moment decodes a moment's codes.
func (c *Case) moment(which int) Operand {
	o := fresh(1, c.Out[0].Cols)
	for i, code := range codesOf(c.Out[1+which].Ints) {
		scale := c.Out[3].Floats[which*c.Out[3].Cols+i/256]
		o.Floats = append(o.Floats, float32(float64(c.In[1+which].Floats[int(code)])*float64(scale)))
	}
	return o
}

// codesOf are the four codes of each word.
func codesOf(words []int32) []float64 {
	var codes []float64
	for _, w := range words {
		for shift := 0; shift < 32; shift += 8 {
			codes = append(codes, float64(uint32(w)>>shift&0xff))
		}
	}
	return codes
}
