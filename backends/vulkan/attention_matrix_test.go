package vulkan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// rounding compiles attention with its factors rounded to a type.
type rounding struct {
	*Backend
	compute dtype.DType
}

func (r rounding) Compile(p *program.Program) (backends.Executable, error) {
	p.Segments[0].Instrs[0].Attr.Compute = r.compute
	return newExecutable(p, r.device)
}

// Shapes that differ in what a kernel is compiled for, since lavapipe takes seconds for each.
var onMatrices = []string{"documents_and_pads", "cap_window", "cap_window/16_of_16_after_70", "attention/head_dim_160", "attention_grad/head_dim_160"}

// Attention on matrix units differs from that in float32 by the rounding of
// its factors.
func TestAttentionOnMatrices(t *testing.T) {
	if !withDevice(t) {
		return
	}
	backend := open(t).(*Backend)
	backend.device.matrices = onAll
	for compute, most := range map[dtype.DType]float64{dtype.F16: 2e-3, dtype.BF16: 1.6e-2} {
		if _, ok := unitFor(&backend.device.Info, compute); !ok {
			t.Logf("no matrix unit for %s: nothing was run", compute)
			continue
		}
		for _, op := range []program.Op{program.OpAttention, program.OpAttentionGrad, program.OpAttentionCached} {
			for _, c := range append(bt.Cases(op), shapesOf(op)...) {
				if !slices.Contains(onMatrices, c.Name) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", op, compute, c.Name), func(t *testing.T) {
					got, want := c.Execute(t, rounding{backend, compute}), c.Execute(t, backend)
					for o := range want {
						if e := distance(got[o], want[o]); !(e > 0 && e < most) {
							t.Errorf("output %d differs by %.2g of its norm; want a little, at most %g", o, e, most)
						}
					}
				})
			}
		}
	}
}

func shapesOf(op program.Op) []bt.Case {
	var list []bt.Case
	for _, c := range shapeCases() {
		if c.Op == op {
			list = append(list, c)
		}
	}
	return list
}
