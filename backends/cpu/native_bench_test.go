//go:build cgo

package cpu

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

const (
	benchRows = 2048
	benchRank = 16
	// benchRounds of each measurement, of which the best counts: other work on
	// the machine can only slow one.
	benchRounds = 7
)

// benchmark runs one instruction over random operands and reports GFLOP/s and
// the share of the peak of multiply-adds in registers, of the type compute,
// measured between its runs.
func benchmark(b *testing.B, compute dtype.DType, flops float64, emit func(x *bt.Builder) map[int][]int32) {
	backend, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	builder := &bt.Builder{}
	ints := emit(builder)
	p := builder.Program()
	e, err := backend.Compile(p)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	if err := fill(e, p, ints); err != nil {
		b.Fatal(err)
	}
	m, s := e.(*Executable).machine, &program.Scalars{Adapter: 1, InvN: 1, Training: true}
	bf16 := compute == dtype.BF16 && m.peak(true, 0.001) > 0
	var peak float64
	best := math.Inf(1)
	for b.Loop() {
		for range benchRounds {
			peak = max(peak, m.peak(bf16, 0.02))
			from := time.Now()
			if err := e.Run(0, s); err != nil {
				b.Fatal(err)
			}
			best = min(best, time.Since(from).Seconds())
		}
	}
	b.ReportMetric(0, "ns/op") // of all rounds: no result
	b.ReportMetric(1e3*best, "ms")
	b.ReportMetric(flops/best/1e9, "GFLOP/s")
	b.ReportMetric(flops/best/1e9/peak, "of-peak")
	b.ReportMetric(peak, "peak-GFLOP/s")
}

// fill writes random numbers, and ints where they are given, to all buffers.
func fill(e backends.Executable, p *program.Program, ints map[int][]int32) error {
	source := bt.NewSource(1)
	for i, x := range p.Buffers {
		if x.DType == dtype.I32 {
			if err := bt.WriteInts(e, program.Operand{Slot: i}, ints[i]); err != nil {
				return err
			}
			continue
		}
		data, values := make([]byte, x.Bytes()), source.Normal(x.Rows*x.Cols, 0.1)
		if err := dtype.FromFloat32(data, values, x.DType); err != nil {
			return err
		}
		if err := e.Write(program.BufferID(i), 0, data); err != nil {
			return err
		}
	}
	return nil
}

// What weights are and what is multiplied.
var benchTypes = []struct{ weight, compute dtype.DType }{
	{dtype.F32, dtype.F32}, {dtype.F16, dtype.F16}, {dtype.BF16, dtype.BF16}, {dtype.NF4Double, dtype.BF16}, {dtype.NF4Double, dtype.F32},
}

// The products of SmolLM2-135M and of larger models: forward with the
// adapter's part, and the gradient of the input likewise.
func BenchmarkLinear(b *testing.B) {
	for _, s := range []struct{ rows, in, out int }{
		{benchRows, 576, 576}, {benchRows, 576, 192}, {benchRows, 576, 1536}, {benchRows, 1536, 576},
		{benchRows, 2048, 2048}, {benchRows, 4096, 4096}, {256, 576, 49152},
	} {
		flops := 2 * float64(s.rows) * float64(s.in) * float64(s.out)
		low := 2 * float64(s.rows) * float64(s.in) * benchRank
		lowOut := 2 * float64(s.rows) * float64(s.out) * benchRank
		rank := benchRank
		for _, d := range benchTypes {
			name := func(op program.Op) string {
				return fmt.Sprintf("%s/%dx%dto%d/weight=%s/compute=%s", op, s.rows, s.in, s.out, d.weight, d.compute)
			}
			attr := program.Attr{Scale: 1, Compute: d.compute}
			b.Run(name(program.OpLinear), func(b *testing.B) {
				benchmark(b, d.compute, flops+lowOut, func(x *bt.Builder) map[int][]int32 {
					x.Emit(program.OpLinear, attr, bt.In(
						x.Param("x", dtype.F32, s.rows, s.in), x.Param("w", d.weight, s.out, s.in), bt.None,
						x.Param("u", dtype.F32, s.rows, rank), x.Param("b", dtype.F32, s.out, rank), bt.None),
						x.Param("y", dtype.F32, s.rows, s.out))
					return nil
				})
			})
			b.Run(name(program.OpLinearGrad), func(b *testing.B) {
				benchmark(b, d.compute, flops+low, func(x *bt.Builder) map[int][]int32 {
					x.Emit(program.OpLinearGrad, attr, bt.In(
						x.Param("dy", dtype.F32, s.rows, s.out), x.Param("w", d.weight, s.out, s.in),
						x.Param("du", dtype.F32, s.rows, rank), x.Param("a", dtype.F32, rank, s.in), bt.None),
						x.Param("dx", dtype.F32, s.rows, s.in))
					return nil
				})
			})
		}
	}
}

// The gradient of the weights, of full training.
func BenchmarkLinearWeightGrad(b *testing.B) {
	for _, s := range [][2]int{{576, 1536}, {2048, 2048}} {
		for _, compute := range []dtype.DType{dtype.F32, dtype.BF16} {
			b.Run(fmt.Sprintf("%dx%dto%d/compute=%s", benchRows, s[0], s[1], compute), func(b *testing.B) {
				benchmark(b, compute, 2*benchRows*float64(s[0])*float64(s[1]), func(x *bt.Builder) map[int][]int32 {
					x.Emit(program.OpLinearWeightGrad, program.Attr{Compute: compute}, bt.In(
						x.Param("dy", dtype.F32, benchRows, s[1]), x.Param("x", dtype.F32, benchRows, s[0]), bt.None),
						x.Param("dw", dtype.F32, s[1], s[0]))
					return nil
				})
			})
		}
	}
}

// The adapter's skinny products: u, du, dB and dA, without and with dropout.
func BenchmarkAdapter(b *testing.B) {
	for _, width := range []int{576, 1536} {
		flops := 2 * benchRows * float64(width) * benchRank
		for _, drop := range []float32{0, 0.1} {
			attr := program.Attr{Scale: 2, Dropout: program.Dropout{P: drop, Module: 3}}
			run := func(name string, emit func(x *bt.Builder, wide, narrow, index program.Operand)) {
				b.Run(fmt.Sprintf("%s/%d/dropout=%g", name, width, drop), func(b *testing.B) {
					benchmark(b, dtype.F32, flops, func(x *bt.Builder) map[int][]int32 {
						wide, narrow := x.Param("wide", dtype.F32, benchRows, width), x.Param("narrow", dtype.F32, benchRows, benchRank)
						index := x.Param("index", dtype.I32, benchRows, 1)
						emit(x, wide, narrow, index)
						return map[int][]int32{index.Slot: counting(benchRows)}
					})
				})
			}
			run("u", func(x *bt.Builder, wide, narrow, index program.Operand) {
				x.Emit(program.OpLinear, attr, bt.In(wide, x.Param("a", dtype.F32, benchRank, width), bt.None, bt.None, bt.None, index), narrow)
			})
			run("da", func(x *bt.Builder, wide, narrow, index program.Operand) {
				x.Emit(program.OpLinearWeightGrad, attr, bt.In(narrow, wide, index), x.Param("da", dtype.F32, benchRank, width))
			})
			if drop > 0 {
				continue
			}
			run("du", func(x *bt.Builder, wide, narrow, _ program.Operand) {
				x.Emit(program.OpLinearGrad, attr, bt.In(wide, x.Param("b", dtype.F32, width, benchRank), bt.None, bt.None, bt.None), narrow)
			})
			run("db", func(x *bt.Builder, wide, narrow, _ program.Operand) {
				x.Emit(program.OpLinearWeightGrad, program.Attr{}, bt.In(wide, narrow, bt.None), x.Param("db", dtype.F32, width, benchRank))
			})
		}
	}
}

func counting(n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(i)
	}
	return x
}

// Attention of SmolLM2-135M over one document and over documents of 160 and
// of 128 tokens. The operations counted are those of the visible half: two products
// forward, five backward.
func BenchmarkAttention(b *testing.B) {
	const heads, keyHeads, dim = 9, 3, 64
	for _, length := range []int{benchRows, 160, 128} {
		first, last := make([]int32, benchRows), make([]int32, benchRows)
		var pairs float64
		for i := range first {
			first[i] = int32(i / length * length)
			last[i] = min(first[i]+int32(length), benchRows) - 1
			pairs += float64(i) - float64(first[i]) + 1
		}
		product := 2 * heads * dim * pairs
		emit := func(x *bt.Builder, compute dtype.DType, backward bool) map[int][]int32 {
			attr := program.Attr{Scale: 0.125, Heads: heads, KVHeads: keyHeads, HeadDim: dim, Compute: compute}
			wide := func(name string, heads int) program.Operand { return x.Param(name, dtype.F32, benchRows, heads*dim) }
			q, k, v, o := wide("q", heads), wide("k", keyHeads), wide("v", keyHeads), wide("o", heads)
			lse := x.Param("lse", dtype.F32, benchRows, heads)
			f, l := x.Param("first", dtype.I32, benchRows, 1), x.Param("last", dtype.I32, benchRows, 1)
			if backward {
				x.Emit(program.OpAttentionGrad, attr, bt.In(q, k, v, o, lse, wide("do", heads), f, l),
					wide("dq", heads), wide("dk", keyHeads), wide("dv", keyHeads))
			} else {
				x.Emit(program.OpAttention, attr, bt.In(q, k, v, f, l), o, lse)
			}
			return map[int][]int32{f.Slot: first, l.Slot: last}
		}
		for _, compute := range []dtype.DType{dtype.F32, dtype.BF16} {
			b.Run(fmt.Sprintf("forward/%d/compute=%s", length, compute), func(b *testing.B) {
				benchmark(b, compute, 2*product, func(x *bt.Builder) map[int][]int32 { return emit(x, compute, false) })
			})
			b.Run(fmt.Sprintf("backward/%d/compute=%s", length, compute), func(b *testing.B) {
				benchmark(b, compute, 5*product, func(x *bt.Builder) map[int][]int32 { return emit(x, compute, true) })
			})
		}
	}
}
