package lower

import (
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// narrow holds locals in Options.Compute of which, in instrs, every reader rounds them
// to it and every writer can: results are the same, save that attention's gradient sees
// o and do rounded. The variables in wide stay F32: something else reads them.
//
// All code that shares variables must be in instrs, for a variable has one type.
func (f *function) narrow(instrs []program.Instr, wide ...int) {
	if !f.l.Narrow {
		return
	}
	refused := map[int]bool{}
	for _, v := range wide {
		refused[v] = true
	}
	for i := range instrs {
		in := &instrs[i]
		for k, o := range in.In {
			if o.Given() && !in.ReadsAs(k, f.l.Compute) {
				refused[o.Slot] = true
			}
		}
		for k, o := range in.Out {
			if ok, linear := in.WritesNarrow(k); !ok || linear && !f.l.NarrowLinears {
				refused[o.Slot] = true
			}
		}
	}
	for v := range mentioned(instrs) {
		if x := &f.vars[v]; x.key == "" && x.DType == dtype.F32 && !refused[v] {
			x.DType = f.l.Compute
		}
	}
}

// narrowRoPE says whether the result of RoPE should have a place of its own, in which it
// can be narrow, instead of its input's: before attention, and in the backward pass
// where a linear's gradients read it.
func (f *function) narrowRoPE(op graph.Op, backward bool) bool {
	if !f.l.Narrow || f.cached {
		return false
	}
	v := op.In[0]
	return !backward || v > 0 && f.seg.Ops[v-1].Kind == graph.Linear
}
