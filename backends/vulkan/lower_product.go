package vulkan

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// The kinds of product.comp.
const (
	kindLinear = iota
	kindLinearGrad
	kindLinearWeightGrad
)

// product is a call of product.comp; its comment has the meaning of the members.
type product struct {
	kind       int
	m, n, k    int
	x, w, bias matrix
	u, b       matrix
	index      matrix
	y          matrix
	before     matrix // what accumulate adds to; y where absent
	scale      float32
	adapter    bool
	accumulate bool
	mask       bool // of product_matrix.glsl
	dropout    program.Dropout
	compute    dtype.DType
	rank       int
}

// Flags of product.comp.
const (
	flagBias uint32 = 1 << iota
	flagAdapter
	flagAccumulate
	flagSplit
	flagMask
)

func (p *product) flags() (f uint32) {
	if p.bias.given() {
		f |= flagBias
	}
	if p.adapter {
		f |= flagAdapter
	}
	if p.accumulate {
		f |= flagAccumulate
	}
	if p.mask {
		f |= flagMask
	}
	return f
}

func lowerLinear(k *kernels, in *instr) error {
	x, w, y := in.in[0], in.in[1], in.out[0]
	return k.product(&product{
		kind: kindLinear, m: x.rows, n: w.rows, k: x.cols, x: x, w: w, bias: in.in[2], u: in.in[3], b: in.in[4],
		index: in.in[5], y: y, scale: in.attr.Scale, adapter: in.attr.Adapter, accumulate: in.attr.Accumulate,
		dropout: in.attr.Dropout, compute: in.attr.Compute, rank: in.in[3].cols,
	})
}

func lowerLinearGrad(k *kernels, in *instr) error {
	dy, w, dx := in.in[0], in.in[1], in.out[0]
	return k.product(&product{
		kind: kindLinearGrad, m: dy.rows, n: w.cols, k: dy.cols, x: dy, w: w, u: in.in[2], b: in.in[3],
		index: in.in[4], y: dx, scale: in.attr.Scale, accumulate: in.attr.Accumulate,
		dropout: in.attr.Dropout, compute: in.attr.Compute, rank: in.in[2].cols,
	})
}

func lowerLinearWeightGrad(k *kernels, in *instr) error {
	dy, x, dw := in.in[0], in.in[1], in.out[0]
	return k.product(&product{
		kind: kindLinearWeightGrad, m: dy.cols, n: x.cols, k: dy.rows, x: dy, w: x,
		index: in.in[2], y: dw, scale: 1, accumulate: true, dropout: in.attr.Dropout, compute: in.attr.Compute,
	})
}

// tile is how a workgroup divides a product: bm·bn results, of which each invocation does
// tm·tn, and bk terms at a time.
type tile struct{ bm, bn, bk, tm, tn int }

func (t tile) invocations() int { return t.bm / t.tm * t.bn / t.tn }

// tiles, the first that fits is taken. None counts on the size of subgroups: invocations side by side
// read the same rows of A and neighbouring vectors of B, in groups of 8 to 64 alike.
var tiles = []struct {
	tile
	fits func(m, n int) bool
	why  string
}{
	{tile{128, 16, 32, 4, 4}, func(_, n int) bool { return n <= 16 },
		"a rank's side has the tile to itself; the other operand, read once, comes in lines of 128 bytes"},
	{tile{16, 128, 32, 4, 4}, func(m, _ int) bool { return m <= 16 },
		"few rows, as in decoding, or a rank's gradient: every weight is read and decoded once"},
	{tile{128, 32, 32, 4, 4}, func(_, n int) bool { return n <= 32 }, "ranks up to 32"},
	{tile{32, 128, 32, 4, 4}, func(m, _ int) bool { return m <= 32 }, "ranks and rows up to 32"},
	{tile{128, 128, 16, 8, 8}, func(m, n int) bool { return over(m, 128)*over(n, 128) >= enoughGroups },
		"8×8 sums do 16 multiply-adds for each vector read of shared memory, 4×4 do 8; 64 registers of sums leave room for three workgroups a core"},
	{tile{64, 64, 16, 4, 4}, func(int, int) bool { return true }, "too few large tiles would leave cores without work"},
}

// enoughGroups keep all cores of a large GPU busy.
const enoughGroups = 128

func (k *kernels) tileFor(m, n int) tile {
	if k.forceTile != (tile{}) {
		return k.forceTile
	}
	for _, t := range tiles {
		if t.fits(m, n) {
			return t.tile
		}
	}
	return tile{}
}

// parts is in how many parts the sum over k is cut: as many as give enough
// workgroups, of at least 256 terms, within 64 MiB of scratch.
func parts(groups, m, n, k int) int {
	most := min(k/256, (64<<20)/(4*m*n))
	return max(1, min(enoughGroups/groups, most))
}

func (k *kernels) product(p *product) error {
	weight, ok := typeNumbers[p.w.dtype]
	if !ok {
		return fmt.Errorf("a weight of type %s", p.w.dtype)
	}
	if u, ok := unitFor(k.info, p.compute); ok && k.matrices[p.compute] {
		return k.matrixProduct(p, u)
	}
	t := k.tileFor(p.m, p.n)
	return k.productWith(p, t.bm, t.bn, func(types uint32, push []byte, groups [3]uint32, cost float64) {
		k.add("product", constants(t.invocations(), t.bm, t.bn, t.bk, t.tm, t.tn, p.kind, weight, p.dropout.P > 0, p.aligned(4), p.whole(), types), push, groups, cost)
	})
}

// productWith adds a product in tiles of bm·bn, in parts where there are few.
func (k *kernels) productWith(p *product, bm, bn int, add func(types uint32, push []byte, groups [3]uint32, cost float64)) error {
	groups := [3]uint32{uint32(over(p.n, bn)), uint32(over(p.m, bm)), 1}
	if groups[0] > k.info.MaxGroups[0] || groups[1] > k.info.MaxGroups[1] {
		return fmt.Errorf("a product of [%d, %d] is larger than the device's grid", p.m, p.n)
	}
	n := parts(int(groups[0]*groups[1]), p.m, p.n, p.k)
	each := max(1, over(over(p.k, n), 32)) * 32 // whole steps of both kernels
	n = max(1, over(p.k, each))
	groups[2] = uint32(n)
	to, flags := p.y, p.flags()
	if n > 1 {
		to, flags = k.scratch(n*p.m, p.n), flags|flagSplit
	}
	w, at := weightParts(p.w)
	bias, before := p.bias, p.before
	if !before.given() {
		before = p.y
	}
	if p.kind == kindLinearGrad {
		bias = before
	}
	add(activationTypes(p.x, p.u, to), push(p.x, w, bias, p.u, p.b, p.index, to, k.scalars, k.tables,
		p.m, p.n, p.k, p.rank, p.dropout.Module, program.Threshold(p.dropout.P), p.scale, 1/(1-p.dropout.P),
		at[0], at[1], at[2], each, flags),
		groups, 2*float64(p.m)*float64(p.n)*float64(p.k+p.rank))
	if n > 1 {
		size := p.m * p.n
		k.then("product_sum", constants(activationTypes(p.y)), push(to, p.bias, before, p.y, k.scalars, size, p.n, n, flags), flat(over(size, 256)), 16*float64(size)*float64(n+2))
	}
	return nil
}

// weightParts is the address of a weight's words and WeightParts of
// shaders/weights.glsl.
func weightParts(w matrix) (uint64, [3]uint32) {
	switch w.dtype {
	case dtype.BF16, dtype.F16:
		return w.address &^ 3, [3]uint32{uint32((w.address & 3) / 2)}
	case dtype.NF4, dtype.NF4Double:
		p := dtype.PartsOf(w.dtype, int64(w.elements()))
		return w.address, [3]uint32{uint32(p.Scales / 4), uint32(p.Nested / 4), uint32(p.Offset / 4)}
	}
	return w.address, [3]uint32{}
}

// Bits of the constant ALIGNED of product.glsl.
const (
	alignedX uint32 = 1 << iota
	alignedW
	alignedU
	alignedB
	alignedY
)

// aligned says of which operands rows can be read in units of elements, or written in units of 4, at once;
// of absent ones they can.
func (p *product) aligned(unit int) (bits uint32) {
	for _, o := range []struct {
		matrix
		unit int
		bit  uint32
	}{{p.x, unit, alignedX}, {p.u, unit, alignedU}, {p.b, unit, alignedB}, {p.y, 4, alignedY}} {
		if !o.given() || o.matrix.aligned(o.unit) {
			bits |= o.bit
		}
	}
	if p.w.address%16 == 0 && p.w.cols%unit == 0 {
		bits |= alignedW
	}
	return bits
}

// whole says that every step of both kernels has all its terms.
func (p *product) whole() bool { return p.k > 0 && p.k%32 == 0 }
