package vulkan

import (
	"fmt"
	"math"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
)

// shapeCases are instructions in sizes that the conformance suite, which slow
// references run too, does not have: every width of a head's registers, folded
// grids, sums in many parts, vocabularies of today's models.
func shapeCases() []bt.Case {
	src := bt.NewSource(3)
	normal := func(rows, cols int) bt.Operand {
		return bt.Operand{Rows: rows, Cols: cols, Floats: src.Normal(rows*cols, 1)}
	}
	column := func(n int, at func(int) int) bt.Operand {
		o := bt.Operand{Rows: n, Cols: 1, Ints: make([]int32, n)}
		for i := range o.Ints {
			o.Ints[i] = int32(at(i))
		}
		return o
	}
	empty := func(rows, cols int) bt.Operand { return bt.Operand{Rows: rows, Cols: cols} }
	list := func(o ...bt.Operand) []bt.Operand { return o }

	var all []bt.Case
	for _, d := range []int{96, 160, 254, 256} {
		const rows = 150
		a := program.Attr{Heads: 2, KVHeads: 1, HeadDim: d, Window: 100, SoftCap: 20, Scale: 0.1}
		first := column(rows, func(i int) int { return i / 90 * 90 })
		last := column(rows, func(i int) int { return min(i/90*90+89, rows-1) })
		q, k, v := normal(rows, 2*d), normal(rows, d), normal(rows, d)
		forward := bt.Case{Name: fmt.Sprintf("attention/head_dim_%d", d), Op: program.OpAttention, Attr: a,
			In: list(q, k, v, first, last), Out: list(empty(rows, 2*d), empty(rows, 2))}
		o, lse := outputs(&forward)
		all = append(all, forward, bt.Case{Name: fmt.Sprintf("attention_grad/head_dim_%d", d), Op: program.OpAttentionGrad, Attr: a,
			In: list(q, k, v, o, lse, normal(rows, 2*d), first, last), Out: list(empty(rows, 2*d), empty(rows, d), empty(rows, d))})
	}
	for _, rows := range []int{2, 70} {
		a := program.Attr{Heads: 4, KVHeads: 2, HeadDim: 160, Window: 700, SoftCap: 20, Scale: 0.1}
		all = append(all, bt.Case{Name: fmt.Sprintf("attention_cached/%d_rows", rows), Op: program.OpAttentionCached, Attr: a,
			Scalars: program.Scalars{Past: 800, Tokens: rows - 1},
			In:      list(normal(rows, 640), normal(900, 320), normal(900, 320)), Out: list(normal(rows, 640))})
	}
	const vocabulary = 262_144
	all = append(all,
		bt.Case{Name: "cross_entropy/vocabulary", Op: program.OpCrossEntropy, Attr: program.Attr{Gradient: true}, Scalars: program.Scalars{InvN: 0.5},
			In:  list(column(3, func(i int) int { return i*100_000 - 1 }), normal(3, 1)),
			Out: list(normal(3, vocabulary), empty(3, 1))},
		bt.Case{Name: "rms_norm/folded", Op: program.OpRMSNorm, Attr: program.Attr{Eps: 1e-6},
			In: list(normal(33_000, 8), normal(1, 4)), Out: list(empty(33_000, 8), empty(33_000, 2))},
		bt.Case{Name: "rms_norm_weight_grad/parts", Op: program.OpRMSNormWeightGrad,
			In: list(normal(20_000, 6), normal(20_000, 2), normal(20_000, 6)), Out: list(normal(1, 3))},
		bt.Case{Name: "rope/far", Op: program.OpRoPE, Attr: program.Attr{Heads: 11, HeadDim: 8, Scale: 1},
			In:  list(normal(40, 88), column(40, func(i int) int { return i * 400_000 }), bt.Operand{Rows: 1, Cols: 4, Floats: []float32{1, 0.31, 1e-3, 1e-7}}),
			Out: list(empty(40, 88))},
		bt.Case{Name: "grad_norm/parts", Op: program.OpGradNorm, In: list(normal(1, 1_100_001)), Out: list(normal(1, 4))},
	)
	return all
}

// outputs are a case's outputs by the reference, as inputs of another.
func outputs(c *bt.Case) (first, second bt.Operand) {
	results := onReference(c)
	first, second = c.Out[0], c.Out[1]
	first.Floats, second.Floats = results[0], results[1]
	return first, second
}

func onReference(c *bt.Case) [][]float32 {
	return c.Execute(&testing.T{}, reference.New[float32]())
}

func TestShapes(t *testing.T) {
	if !withDevice(t) {
		return
	}
	backend := open(t)
	all := shapeCases()
	for i := range all {
		c := &all[i]
		t.Run(c.Name, func(t *testing.T) {
			got, want := c.Execute(t, backend), c.Execute(t, reference.New[float32]())
			for o := range want {
				if e := distance(got[o], want[o]); !(e < 1e-6) {
					t.Errorf("output %d differs by %.2g of its norm", o, e)
				}
			}
		})
	}
}

// distance is ‖got − want‖ over ‖want‖.
func distance(got, want []float32) float64 {
	var wrong, size float64
	for n := range want {
		d := float64(got[n]) - float64(want[n])
		wrong += d * d
		size += float64(want[n]) * float64(want[n])
	}
	if wrong == 0 {
		return 0
	}
	return math.Sqrt(wrong / size)
}
