package cpu_test

import (
	"math"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/cpu"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

func matrix(source bt.Source, rows, cols int) bt.Operand {
	return bt.Operand{Rows: rows, Cols: cols, Floats: source.Normal(rows*cols, 1)}
}

func column(x []int32) bt.Operand { return bt.Operand{Rows: len(x), Cols: 1, Ints: x} }

// onAll runs a case with every instruction set and several numbers of threads,
// which must agree byte for byte, and hands each instruction set's outputs to check.
func onAll(t *testing.T, c bt.Case, check func(t *testing.T, got [][]float32)) {
	for _, isa := range cpu.ISAs() {
		t.Run(isa, func(t *testing.T) {
			one := c.Execute(t, open(isa, 1)(t))
			for _, threads := range []int{2, 5} {
				for i, x := range c.Execute(t, open(isa, threads)(t)) {
					if !slices.Equal(x, one[i]) {
						t.Errorf("output %d differs with %d threads", i, threads)
					}
				}
			}
			check(t, one)
		})
	}
}

// Products larger than what is packed at a time, in each of M, N and K, hold at
// sampled elements the float64 sum, to 8·√K·2⁻²⁴ of the terms' magnitudes; those of
// bfloat16 too, where the factors have no more bits.
func TestLargeProducts(t *testing.T) {
	t.Run("F32", func(t *testing.T) { testLargeProducts(t, dtype.F32, 0.25, func(x float32) float32 { return x }) })
	t.Run("BF16", func(t *testing.T) {
		testLargeProducts(t, dtype.BF16, 0.5, func(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ 0xffff) })
	})
}

func testLargeProducts(t *testing.T, compute dtype.DType, drop float32, rounded func(float32) float32) {
	const rows, in, out, rank = 801, 4200, 830, 5
	source := bt.NewSource(7)
	index := make([]int32, rows)
	for i := range index {
		index[i] = int32(3 * i)
	}
	attr := program.Attr{Scale: 0.5, Accumulate: true, Compute: compute, Dropout: program.Dropout{P: drop, Module: 2}}
	scalars := program.Scalars{Seed: 11, DropoutStep: 4, Training: true, Adapter: 1}
	factor := func(r, column int) float64 {
		key := program.RowKey(scalars.Seed, scalars.DropoutStep, attr.Dropout.Module, uint32(index[r]))
		if program.Keep(key, uint32(column)) < program.Threshold(attr.Dropout.P) {
			return 0
		}
		return 1 / (1 - float64(drop))
	}
	matrix := func(source bt.Source, rows, cols int) bt.Operand {
		m := matrix(source, rows, cols)
		for i, x := range m.Floats {
			m.Floats[i] = rounded(x)
		}
		return m
	}
	x, w, u, b := matrix(source, rows, in), matrix(source, out, in), matrix(source, rows, rank), matrix(source, out, rank)
	bias, before, dw := matrix(source, 1, out), matrix(source, rows, out), matrix(source, out, in)
	at := func(m bt.Operand, r, c int) float64 { return float64(m.Floats[r*m.Cols+c]) }
	for _, c := range []struct {
		name string
		bt.Case
		terms int
		term  func(r, c, k int) float64
	}{
		{"linear", bt.Case{Op: program.OpLinear, Attr: attr, Scalars: scalars,
			In: []bt.Operand{x, w, bias, u, b, column(index)}, Out: []bt.Operand{before}}, in + rank + 2,
			func(r, c, k int) float64 {
				switch k -= in; {
				case k < 0:
					return 0.5 * factor(r, k+in) * at(x, r, k+in) * at(w, c, k+in)
				case k < rank:
					return at(u, r, k) * at(b, c, k)
				case k == rank:
					return at(bias, 0, c)
				}
				return at(before, r, c)
			}},
		{"linear_grad", bt.Case{Op: program.OpLinearGrad, Attr: attr, Scalars: scalars,
			In: []bt.Operand{x, matrixT(w), u, matrixT(b), column(index)}, Out: []bt.Operand{before}}, in + rank + 1,
			func(r, c, k int) float64 {
				switch k -= in; {
				case k < 0:
					return 0.5 * at(x, r, k+in) * at(w, c, k+in)
				case k < rank:
					return factor(r, c) * at(u, r, k) * at(b, c, k)
				}
				return at(before, r, c)
			}},
		{"linear_weight_grad", bt.Case{Op: program.OpLinearWeightGrad, Attr: program.Attr{Compute: compute, Dropout: attr.Dropout}, Scalars: scalars,
			In: []bt.Operand{before, x, column(index)}, Out: []bt.Operand{dw}}, rows + 1,
			func(r, c, k int) float64 {
				if k < rows {
					return at(before, k, r) * factor(k, c) * at(x, k, c)
				}
				return at(dw, r, c)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onAll(t, c.Case, func(t *testing.T, got [][]float32) {
				y := c.Out[0]
				for i := 0; i < len(got[0]); i += len(got[0])/211 - 1 {
					var sum, size float64
					for k := range c.terms {
						v := c.term(i/y.Cols, i%y.Cols, k)
						sum, size = sum+v, size+math.Abs(v)
					}
					if limit := 8 * math.Sqrt(float64(c.terms)) / (1 << 24) * size; math.Abs(float64(got[0][i])-sum) > limit {
						t.Fatalf("element [%d, %d] is %v, want %v", i/y.Cols, i%y.Cols, got[0][i], sum)
					}
				}
			})
		})
	}
}

func matrixT(m bt.Operand) bt.Operand {
	y := bt.Operand{Rows: m.Cols, Cols: m.Rows, Floats: make([]float32, len(m.Floats))}
	for i, v := range m.Floats {
		y.Floats[i%m.Cols*m.Rows+i/m.Cols] = v
	}
	return y
}

// near wants ‖got − want‖ ≤ 2·10⁻⁶·‖want‖ for each output.
func near(t *testing.T, got, want [][]float32) {
	t.Helper()
	for i := range want {
		if e := distance(got[i], want[i]); !(e <= 2e-6) {
			t.Errorf("output %d is off by %.3g of its norm", i, e)
		}
	}
}

// distance is ‖got − want‖/‖want‖.
func distance(got, want []float32) float64 {
	var diff, norm float64
	for n, w := range want {
		diff += math.Pow(float64(got[n])-float64(w), 2)
		norm += math.Pow(float64(w), 2)
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}

var _ backends.Backend = (*cpu.Backend)(nil)
