package vulkan

import (
	"fmt"
	"math"
	"sync"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// proof is an instruction with what it must give.
type proof struct {
	// name says it in words.
	name string
	op   program.Op
	attr program.Attr
	// in are its operands, nil where one is left out, out the results' shapes and what they hold before.
	in, out []*probeOperand
	// want has for each result what row r must be, and how far it may be off, in units of bound.
	want []func(r int) (want, size []float64)
	// bound is 0 where sums are exact: factors are small whole numbers then.
	bound float64
	// step is the distance of the rows that are looked at.
	step int
}

// probeOperand is a matrix, with what the device reads of it in dense or ints.
type probeOperand struct {
	dense
	dtype dtype.DType
	ints  []int32
	bytes []byte
}

// probeScalars are those of all proofs: half of an adapter, and dropout.
var probeScalars = program.Scalars{Adapter: 0.5, Training: true, Seed: 7, DropoutStep: 3}

// prover makes proofs for products in one type, with activations held in another.
type prover struct {
	compute, held dtype.DType
	seed          uint32
}

// beyond is more than float16 holds, halved too, and a number in every other type.
const beyond = 196608

// proofs are what a device must compute right before it is trusted with products in compute: every kind of kernel that the
// type brings, in shapes of several tiles, subgroups and steps of the sum, with ends that fill none, and with the
// constants that training has, so that what is compiled here is not compiled again. In float16, factors
// beyond its range must become infinite, which is how loss scaling learns of them. Of activations in 16 bits and in float32
// most are those that training has.
func proofs(compute dtype.DType) []*proof {
	p := &prover{compute: compute, held: compute}
	weight := compute
	if compute == dtype.F32 {
		weight = dtype.BF16
	}
	wide := &prover{compute: compute, held: dtype.F32}
	list := []*proof{
		wide.linear("a linear with an adapter", 150, 200, 88, weight, 16, 0),
		p.linear("a linear in large tiles", 1030, 2040, 100, weight, 0, 0),
		p.linear("a linear to an adapter's rank with dropout, its sum in parts", 150, 16, 704, dtype.F32, 0, 0.5),
		p.linear("a linear whose NF4 weight is decoded once", 150, 200, 128, dtype.NF4Double, 0, 0),
		p.linear("a linear of few rows, which decodes its NF4 weight", 7, 136, 128, dtype.NF4, 0, 0),
		wide.linearGrad("a linear's gradient with an adapter and dropout", 150, 200, 88, weight, 16, 0.5),
		p.linearGrad("a linear's gradient with an adapter and dropout, rounded once", 150, 200, 88, weight, 16, 0.5),
		p.linearGrad("a linear's gradient in large tiles", 1030, 2040, 100, weight, 0, 0),
		p.linearGrad("a linear's gradient to an adapter's rank, its sum in parts", 150, 16, 704, dtype.F32, 0, 0),
		p.linearGrad("a linear's gradient of few rows with an NF4 weight", 7, 192, 136, dtype.NF4Double, 0, 0),
		wide.weightGrad("the gradient of lora_A with dropout", 16, 200, 600, 0.5),
		p.weightGrad("the gradient of lora_B", 200, 16, 600, 0),
	}
	return append(append(list, wide.attention(64)...), p.attention(128)...)
}

// whole is a matrix of whole numbers between -most and most, in no pattern.
func (p *prover) whole(rows, cols, most int) *probeOperand {
	p.seed++
	o := &probeOperand{dense: dense{rows, cols, make([]float32, rows*cols)}, dtype: dtype.F32}
	for i := range o.v {
		o.v[i] = float32(int(program.Keep(p.seed, uint32(i))%uint32(2*most+1)) - most)
	}
	return o
}

// largest is the largest factor of products: sums of 100 and more need more bits than float16 has, so that
// one that is kept in it is seen.
const largest = 31

// weight is a matrix as a device holds weights of a type.
func (p *prover) weight(rows, cols int, t dtype.DType) *probeOperand {
	o := p.whole(rows, cols, largest)
	o.dtype = t
	if !t.InBlocks() {
		return o
	}
	q := dtype.NewQuantizer(int64(len(o.v)))
	q.Append(o.v)
	o.bytes = q.Bytes(t)
	if err := dtype.ToFloat32(o.v, o.bytes, t); err != nil {
		panic(err) // a mistake in the table
	}
	return o
}

// activation is a matrix of factors as activations are held.
func (p *prover) activation(rows, cols int) *probeOperand {
	o := p.whole(rows, cols, largest)
	o.dtype = p.held
	return o
}

// filled is what a result of a type holds before: what is not replaced, or not added to, is seen.
func filled(rows, cols int, t dtype.DType) *probeOperand {
	o := &probeOperand{dense: dense{rows, cols, make([]float32, rows*cols)}, dtype: t}
	for i := range o.v {
		o.v[i] = 77
	}
	return o
}

// tokens are the numbers of tokens, which key dropout.
func tokens(rows int) *probeOperand {
	o := &probeOperand{dense: dense{rows: rows, cols: 1}, dtype: dtype.I32, ints: make([]int32, rows)}
	for i := range o.ints {
		o.ints[i] = int32(i)
	}
	return o
}

// product is a proof of one.
func (p *prover) product(name string, op program.Op, attr program.Attr, weight dtype.DType, t *productTwin, in []*probeOperand, out *probeOperand) *proof {
	attr.Compute = p.compute
	t.a, t.b, t.u, t.v = rounded(t.a, p.compute), rounded(t.b, p.compute), rounded(t.u, p.compute), rounded(t.v, p.compute)
	x := &proof{name: name, op: op, attr: attr, in: in, out: []*probeOperand{out}, want: []func(int) ([]float64, []float64){t.row}, step: 1}
	switch { // Odd, so that every row of a matrix unit's tile comes up.
	case out.rows > 256:
		x.step = 41
	case out.rows > 64:
		x.step = 7
	}
	if weight.InBlocks() { // whose numbers are not whole
		x.bound = bounds[p.compute]
	}
	return x
}

// bounds are how far sums may be off by the rounding of their factors, in any direction: a step of 11 bits, or of 8; in float32 by their order.
var bounds = map[dtype.DType]float64{dtype.F32: 1e-5, dtype.F16: 1.0 / (1 << 10), dtype.BF16: 1.0 / (1 << 7)}

// linear has x [m, k], a weight [n, k], and with a rank bias and adapter.
func (p *prover) linear(name string, m, n, k int, weight dtype.DType, rank int, drop float32) *proof {
	x, w, y := p.activation(m, k), p.weight(n, k, weight), filled(m, n, p.held)
	x.v[len(x.v)-1] = beyond
	attr := program.Attr{Scale: 0.5, Dropout: program.Dropout{P: drop, Module: 5}}
	in := []*probeOperand{x, w, nil, nil, nil, nil}
	mask := maskOf(attr.Dropout, &probeScalars)
	t := &productTwin{a: x.times(func(r, c int) float32 { return attr.Scale * mask(r, c) }), b: w.dense, factor: 1, mask: one}
	if rank > 0 {
		attr.Adapter, attr.Accumulate = true, true
		bias, u, b := p.whole(1, n, largest), p.activation(m, rank), p.whole(n, rank, largest)
		in[2], in[3], in[4] = bias, u, b
		t.bias, t.u, t.v, t.before, t.factor = bias.v, u.dense, b.dense, y.v, float64(probeScalars.Adapter)
	}
	if drop > 0 {
		in[5] = tokens(m)
	}
	return p.product(name, program.OpLinear, attr, weight, t, in, y)
}

func one(int, int) float32 { return 1 }

// linearGrad has dy [m, k] and a weight [k, n].
func (p *prover) linearGrad(name string, m, n, k int, weight dtype.DType, rank int, drop float32) *proof {
	dy, w, dx := p.activation(m, k), p.weight(k, n, weight), filled(m, n, p.held)
	dy.v[0] = beyond
	attr := program.Attr{Scale: 0.5, Dropout: program.Dropout{P: drop, Module: 6}}
	in := []*probeOperand{dy, w, nil, nil, nil}
	t := &productTwin{a: dy.times(func(int, int) float32 { return attr.Scale }), b: w.transposed(), factor: 1, mask: maskOf(attr.Dropout, &probeScalars)}
	if rank > 0 {
		du, a := p.activation(m, rank), p.whole(rank, n, largest)
		in[2], in[3] = du, a
		t.u, t.v = du.dense, a.transposed()
	}
	if drop > 0 {
		in[4] = tokens(m)
	}
	return p.product(name, program.OpLinearGrad, attr, weight, t, in, dx)
}

// weightGrad has dy [k, m] and x [k, n].
func (p *prover) weightGrad(name string, m, n, k int, drop float32) *proof {
	dy, x, dw := p.activation(k, m), p.activation(k, n), filled(m, n, dtype.F32)
	dy.v[3] = beyond
	attr := program.Attr{Dropout: program.Dropout{P: drop, Module: 7}}
	in := []*probeOperand{dy, x, nil}
	if drop > 0 {
		in[2] = tokens(k)
	}
	t := &productTwin{a: dy.transposed(), b: x.times(maskOf(attr.Dropout, &probeScalars)).transposed(), before: dw.v, factor: 1}
	return p.product(name, program.OpLinearWeightGrad, attr, dtype.F32, t, in, dw)
}

// attentionTwins are those of heads of 64 and of 128, computed once for all types: their factors are the same in each.
var attentionTwins = map[int]func() *attentionTwin{
	64: sync.OnceValue(func() *attentionTwin { return newAttentionTwin(64) }), 128: sync.OnceValue(func() *attentionTwin { return newAttentionTwin(128) }),
}

// newAttentionTwin has two documents, of more and of less than a tile, and two heads of queries for each of keys.
func newAttentionTwin(size int) *attentionTwin {
	const rows, document, heads, keyHeads = 100, 70, 4, 2
	p := &prover{seed: uint32(size)}
	eighths := func(cols int) []float32 {
		return p.whole(rows, cols, 16).times(func(int, int) float32 { return 1.0 / 8 }).v
	}
	t := &attentionTwin{
		attr: program.Attr{Heads: heads, KVHeads: keyHeads, HeadDim: size, Window: 50, Scale: 1.0 / 8}, rows: rows,
		q: eighths(heads * size), k: eighths(keyHeads * size), v: eighths(keyHeads * size), do: eighths(heads * size),
		first: make([]int32, rows), last: make([]int32, rows),
	}
	for i := range rows {
		t.first[i], t.last[i] = int32(i/document*document), int32(min((i/document+1)*document, rows)-1)
	}
	t.compute()
	return t
}

// attention are proofs of attention and its gradient, in float16 also with a factor beyond it in the last row.
func (p *prover) attention(size int) []*proof {
	t := attentionTwins[size]()
	a := t.attr
	a.Compute = p.compute
	wide, narrow := a.Heads*size, a.KVHeads*size
	floats := func(cols int, v []float32) *probeOperand {
		return &probeOperand{dense: dense{t.rows, cols, v}, dtype: p.held}
	}
	perHead := func(v []float32) *probeOperand {
		return &probeOperand{dense: dense{t.rows, a.Heads, v}, dtype: dtype.F32}
	}
	same := func(r results) []float32 {
		v := make([]float32, len(r.want))
		for i, x := range r.want {
			v[i] = float32(x)
		}
		return v
	}
	empty := func(cols int) *probeOperand { return floats(cols, make([]float32, t.rows*cols)) }
	ints := func(v []int32) *probeOperand {
		return &probeOperand{dense: dense{rows: t.rows, cols: 1}, dtype: dtype.I32, ints: v}
	}
	q, k, v, do, first, last := floats(wide, t.q), floats(narrow, t.k), floats(narrow, t.v), floats(wide, t.do), ints(t.first), ints(t.last)
	forward := func(v *probeOperand) *proof {
		return &proof{name: fmt.Sprintf("attention with heads of %d", size), op: program.OpAttention, attr: a, bound: 2 * bounds[p.compute], step: 1,
			in: []*probeOperand{q, k, v, first, last}, out: []*probeOperand{empty(wide), perHead(make([]float32, t.rows*a.Heads))}, want: rowsOf(t.o, t.lse)}
	}
	backward := func(do *probeOperand) *proof {
		return &proof{name: fmt.Sprintf("attention's gradient with heads of %d", size), op: program.OpAttentionGrad, attr: a, bound: 2 * bounds[p.compute], step: 1,
			in:  []*probeOperand{q, k, v, floats(wide, same(t.o)), perHead(same(t.lse)), do, first, last},
			out: []*probeOperand{empty(wide), empty(narrow), empty(narrow)}, want: rowsOf(t.dq, t.dk, t.dv)}
	}
	list := []*proof{forward(v), backward(do)}
	if p.compute != dtype.F16 {
		return list
	}
	over := func(o *probeOperand) *probeOperand {
		x := floats(o.cols, append([]float32(nil), o.v...))
		x.v[len(x.v)-1] = beyond
		return x
	}
	// What else has the value in its tile may be anything: nothing times infinity is no number.
	f, b := forward(over(v)), backward(over(do))
	f.want = rowsOf(t.o.infinite(), t.lse)
	b.want = rowsOf(t.dq.infinite(), t.dk.anything(), t.dv.infinite())
	return append(list, f, b)
}

func rowsOf(all ...results) []func(int) ([]float64, []float64) {
	list := make([]func(int) ([]float64, []float64), len(all))
	for i, r := range all {
		list[i] = r.row
	}
	return list
}

// anything is no expectation.
func (r results) anything() results {
	x := newResults(len(r.want)/r.cols, r.cols)
	for i := range x.size {
		x.size[i] = math.Inf(1)
	}
	return x
}

// infinite expects nothing but that the last element is.
func (r results) infinite() results {
	x := r.anything()
	last := len(x.want) - 1
	x.want[last], x.size[last] = math.Inf(1), 0
	return x
}
