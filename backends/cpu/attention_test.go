package cpu_test

import (
	"fmt"
	"math"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// documents are the bounds of documents of these lengths.
func documents(lengths ...int) (first, last []int32) {
	for _, n := range lengths {
		begin := int32(len(first))
		for range n {
			first, last = append(first, begin), append(last, begin+int32(n)-1)
		}
	}
	return first, last
}

// Attention over many blocks: documents of all lengths, pads of one token, one
// query head to a key head and more than are stacked, with and without a
// window and a cap, heads of many widths.
func TestLargeAttention(t *testing.T) {
	source := bt.NewSource(5)
	all, one := []int{1, 130, 7, 95, 96, 97, 40, 1, 1, 1, 200}, []int{300}
	for _, c := range []struct {
		lengths []int
		attr    program.Attr
	}{
		{all, program.Attr{Heads: 12, KVHeads: 2, HeadDim: 20}},
		{all, program.Attr{Heads: 12, KVHeads: 2, HeadDim: 20, Window: 33}},
		{all, program.Attr{Heads: 9, KVHeads: 3, HeadDim: 64}},
		{one, program.Attr{Heads: 2, KVHeads: 2, HeadDim: 64, Window: 100}},
		{one, program.Attr{Heads: 7, KVHeads: 1, HeadDim: 80}},
		{one, program.Attr{Heads: 2, KVHeads: 1, HeadDim: 96}},
		{one, program.Attr{Heads: 2, KVHeads: 1, HeadDim: 128, SoftCap: 2}},
		{one, program.Attr{Heads: 2, KVHeads: 1, HeadDim: 256}},
	} {
		first, last := documents(c.lengths...)
		rows, a := len(first), c.attr
		a.Scale = float32(1 / math.Sqrt(float64(a.HeadDim)))
		wide, narrow := a.Heads*a.HeadDim, a.KVHeads*a.HeadDim
		q, k, v, do := matrix(source, rows, wide), matrix(source, rows, narrow), matrix(source, rows, narrow), matrix(source, rows, wide)
		for _, a.Compute = range []dtype.DType{dtype.F32, dtype.BF16} {
			name := fmt.Sprintf("%d_heads_over_%d/dim_%d/window_%d/%s", a.Heads, a.KVHeads, a.HeadDim, a.Window, a.Compute)
			forward := bt.Case{Op: program.OpAttention, Attr: a, In: []bt.Operand{q, k, v, column(first), column(last)},
				Out: []bt.Operand{{Rows: rows, Cols: wide}, {Rows: rows, Cols: a.Heads}}}
			want := oracle(t, forward)
			t.Run("forward/"+name, func(t *testing.T) {
				onAll(t, forward, func(t *testing.T, got [][]float32) { nearEither(t, got, want) })
			})
			o, lse := forward.Out[0], forward.Out[1]
			o.Floats, lse.Floats = want[0][0], want[0][1]
			backward := bt.Case{Op: program.OpAttentionGrad, Attr: a, In: []bt.Operand{q, k, v, o, lse, do, column(first), column(last)},
				Out: []bt.Operand{{Rows: rows, Cols: wide}, {Rows: rows, Cols: narrow}, {Rows: rows, Cols: narrow}}}
			wantGrads := oracle(t, backward)
			t.Run("backward/"+name, func(t *testing.T) {
				onAll(t, backward, func(t *testing.T, got [][]float32) { nearEither(t, got, wantGrads) })
			})
		}
	}
}

// oracle is what a case gives on the reference, and with factors that are not rounded.
func oracle(t *testing.T, c bt.Case) [2][][]float32 {
	rounded := c.Execute(t, reference.New[float32]())
	if c.Attr.Compute == dtype.F32 {
		return [2][][]float32{rounded, rounded}
	}
	c.Attr.Compute = dtype.F32
	return [2][][]float32{rounded, c.Execute(t, reference.New[float32]())}
}

// nearEither is near the outputs of factors that are not rounded, or of rounded ones within what they
// may differ by: probabilities are rounded in a scale of the backend's own.
func nearEither(t *testing.T, got [][]float32, want [2][][]float32) {
	t.Helper()
	for i := range got {
		exact, rounded := distance(got[i], want[1][i]), distance(got[i], want[0][i])
		if !(exact <= 2e-6 || rounded <= 0x1p-9) {
			t.Errorf("output %d is off by %.3g of its norm, %.3g where factors are not rounded", i, rounded, exact)
		}
	}
}
