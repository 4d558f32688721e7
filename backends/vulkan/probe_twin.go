package vulkan

import (
	"math"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// dense is a matrix of factors, row by row.
type dense struct {
	rows, cols int
	v          []float32
}

func (d dense) row(r int) []float32 { return d.v[r*d.cols:][:d.cols] }

func (d dense) transposed() dense {
	t := dense{d.cols, d.rows, make([]float32, len(d.v))}
	for r := range d.rows {
		for c, x := range d.row(r) {
			t.v[c*d.rows+r] = x
		}
	}
	return t
}

// times is d with every element made another.
func (d dense) times(factor func(r, c int) float32) dense {
	t := dense{d.rows, d.cols, make([]float32, len(d.v))}
	for r := range d.rows {
		for c, x := range d.row(r) {
			t.v[r*d.cols+c] = x * factor(r, c)
		}
	}
	return t
}

// product is y = factor·(a·bᵀ + mask∘(u·vᵀ) + bias) + before, which linear and both its gradients are.
type productTwin struct {
	a, b         dense // [M, K], [N, K]
	u, v         dense // [M, rank], [N, rank]; may have no rows
	mask         func(r, c int) float32
	bias, before []float32 // [N], [M·N]
	factor       float64
}

// row is row r of y, and the sum of the magnitudes of what each element is the sum of.
func (t *productTwin) row(r int) (want, size []float64) {
	n := t.b.rows
	want, size = make([]float64, n), make([]float64, n)
	for c := range n {
		sum, all := dot(t.a.row(r), t.b.row(c))
		if t.u.rows > 0 {
			s, m := dot(t.u.row(r), t.v.row(c))
			f := float64(t.mask(r, c))
			sum, all = sum+f*s, all+f*m
		}
		if t.bias != nil {
			sum, all = sum+float64(t.bias[c]), all+math.Abs(float64(t.bias[c]))
		}
		sum, all = sum*t.factor, all*t.factor
		if t.before != nil {
			sum += float64(t.before[r*n+c])
		}
		want[c], size[c] = sum, all
	}
	return want, size
}

func dot(a, b []float32) (sum, size float64) {
	for i, x := range a {
		v := float64(x) * float64(b[i])
		sum += v
		size += math.Abs(v)
	}
	return sum, size
}

// rounded are factors as float16 has them where that is what they are rounded to: beyond it is infinity.
// The probe's other numbers are in every type.
func rounded(d dense, compute dtype.DType) dense {
	if compute != dtype.F16 {
		return d
	}
	return d.times(func(r, c int) float32 {
		if x := d.v[r*d.cols+c]; math.Abs(float64(x)) > 65504 {
			return float32(math.Inf(1))
		}
		return 1
	})
}

// maskOf gives what dropout multiplies the element of a token and a column by.
func maskOf(d program.Dropout, s *program.Scalars) func(token, column int) float32 {
	return func(token, column int) float32 {
		switch {
		case d.P == 0:
			return 1
		case program.Keep(program.RowKey(s.Seed, s.DropoutStep, d.Module, uint32(token)), uint32(column)) < program.Threshold(d.P):
			return 0
		}
		return 1 / (1 - d.P)
	}
}

// attentionTwin is attention and its gradient of one probe, and for each result the sum of the magnitudes of
// what it is the sum of.
type attentionTwin struct {
	attr        program.Attr
	rows        int
	q, k, v, do []float32
	first, last []int32
	o, dq       results // [rows, heads·D]
	dk, dv      results // [rows, kv_heads·D]
	lse         results // [rows, heads]
}

type results struct {
	cols       int
	want, size []float64
}

func newResults(rows, cols int) results {
	return results{cols, make([]float64, rows*cols), make([]float64, rows*cols)}
}

func (r results) add(at int, v float64) {
	r.want[at] += v
	r.size[at] += math.Abs(v)
}

func (r results) row(n int) (want, size []float64) {
	return r.want[n*r.cols:][:r.cols], r.size[n*r.cols:][:r.cols]
}

// compute goes query by query, head by head: p = softmax(scale·q·kᵀ), o = p·v, and of do ds = p∘(do·vᵀ − do·o).
func (t *attentionTwin) compute() {
	a := &t.attr
	wide, narrow := a.Heads*a.HeadDim, a.KVHeads*a.HeadDim
	t.o, t.dq, t.lse = newResults(t.rows, wide), newResults(t.rows, wide), newResults(t.rows, a.Heads)
	t.dk, t.dv = newResults(t.rows, narrow), newResults(t.rows, narrow)
	for r := range t.rows {
		for h := range a.Heads {
			t.query(r, h)
		}
	}
}

func (t *attentionTwin) query(r, h int) {
	a := &t.attr
	wide, narrow := a.Heads*a.HeadDim, a.KVHeads*a.HeadDim
	at, from := r*wide+h*a.HeadDim, h*a.KVHeads/a.Heads*a.HeadDim
	low := max(int(t.first[r]), r-a.Window+1)
	q, do := t.q[at:][:a.HeadDim], t.do[at:][:a.HeadDim]
	p := make([]float64, r+1-low)
	var sum float64
	for n := range p {
		s, _ := dot(q, t.k[(low+n)*narrow+from:][:a.HeadDim])
		p[n] = math.Exp(s * float64(a.Scale))
		sum += p[n]
	}
	t.lse.want[r*a.Heads+h], t.lse.size[r*a.Heads+h] = math.Log(sum), 1+math.Abs(math.Log(sum))
	for n := range p {
		p[n] /= sum
		for c, x := range t.v[(low+n)*narrow+from:][:a.HeadDim] {
			t.o.add(at+c, p[n]*float64(x))
		}
	}
	var removed, all float64 // all may be off: o may be held in 16 bits
	for c, x := range do {
		removed += float64(x) * t.o.want[at+c]
		all += math.Abs(float64(x) * t.o.want[at+c])
	}
	for n := range p {
		row := (low+n)*narrow + from
		dp, _ := dot(do, t.v[row:][:a.HeadDim])
		ds, most := p[n]*(dp-removed)*float64(a.Scale), p[n]*(math.Abs(dp)+all)*float64(a.Scale)
		for c := range a.HeadDim {
			t.dv.add(row+c, p[n]*float64(do[c]))
			t.dq.want[at+c] += ds * float64(t.k[row+c])
			t.dq.size[at+c] += most * math.Abs(float64(t.k[row+c]))
			t.dk.want[row+c] += ds * float64(q[c])
			t.dk.size[row+c] += most * math.Abs(float64(q[c]))
		}
	}
}
