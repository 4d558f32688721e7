package cpu_test

import (
	"fmt"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/cpu"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// A head whose rows have targets here and there is computed for those alone;
// what it leaves is that of all rows.
func TestHeadOfTargets(t *testing.T) {
	const rows, width, vocab, rank = 37, 70, 131, 4
	for _, every := range []int{1, 2, 3, 12, rows + 1} {
		targets := make([]int32, rows)
		for i := range targets {
			targets[i] = -1
			if i%every == every-1 {
				targets[i] = int32(i * 5 % vocab)
			}
		}
		run := func(b backends.Backend) [][]float32 {
			source, x := bt.NewSource(3), &bt.Builder{}
			param := func(name string, rows, cols int) program.Operand { return x.Param(name, dtype.F32, rows, cols) }
			h, w, u, low := param("h", rows, width), param("w", vocab, width), param("u", rows, rank), param("low", vocab, rank)
			logits, logp, dh, sum := param("logits", rows, vocab), param("logp", rows, 1), param("dh", rows, width), param("sum", rows, width)
			dw, weights, ids := param("dw", vocab, width), param("weights", rows, 1), x.Param("targets", dtype.I32, rows, 1)
			one := program.Attr{Scale: 1}
			x.Emit(program.OpLinear, one, bt.In(h, w, bt.None, u, low, bt.None), logits)
			x.Emit(program.OpCrossEntropy, program.Attr{Gradient: true}, bt.In(ids, weights), logits, logp)
			x.Emit(program.OpLinearWeightGrad, program.Attr{}, bt.In(logits, h, bt.None), dw)
			x.Emit(program.OpLinearGrad, one, bt.In(logits, w, bt.None, bt.None, bt.None), dh)
			x.Emit(program.OpLinearGrad, program.Attr{Scale: 1, Accumulate: true}, bt.In(logits, w, bt.None, bt.None, bt.None), sum)
			p := x.Program()
			e, err := b.Compile(p)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for i, buffer := range p.Buffers {
				if buffer.DType == dtype.I32 {
					err = bt.WriteInts(e, program.Operand{Slot: i}, targets)
				} else {
					err = bt.WriteFloats(e, program.Operand{Slot: i}, source.Normal(buffer.Rows*buffer.Cols, 0.3))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Run(0, &program.Scalars{Adapter: 1, InvN: 0.1}); err != nil {
				t.Fatal(err)
			}
			var all [][]float32
			for _, o := range []program.Operand{logits, logp, dw, dh, sum} {
				data := make([]float32, o.Rows*p.Buffers[o.Slot].Cols)
				if err := bt.ReadFloats(e, o, data); err != nil {
					t.Fatal(err)
				}
				all = append(all, data)
			}
			return all
		}
		want := run(reference.New[float32]())
		for _, isa := range cpu.ISAs() {
			t.Run(fmt.Sprintf("every %d/%s", every, isa), func(t *testing.T) { near(t, run(open(isa, 2)(t)), want) })
		}
	}
}
