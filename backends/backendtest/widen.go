package backendtest

import (
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Widening compiles for a backend programs with their narrow activations in F32, save
// those that attention's gradient reads besides its products: o and do, of which D is
// made. All results of a run have the same bits as those of the program itself.
type Widening struct{ backends.Backend }

// Compile widens a copy of the program.
func (w Widening) Compile(p *program.Program) (backends.Executable, error) {
	return w.Backend.Compile(Widened(p))
}

// Widened is the program with its narrow activations in F32, each in a place of its own,
// but for o and do of attention.
func Widened(p *program.Program) *program.Program {
	w := *p
	w.Blocks, w.Buffers, w.Segments = slices.Clone(p.Blocks), slices.Clone(p.Buffers), slices.Clone(p.Segments)
	place := func(rows, cols int) program.Place {
		w.Blocks = append(w.Blocks, program.Block{Class: program.Arena, Size: (4*int64(rows)*int64(cols) + program.Align - 1) / program.Align * program.Align})
		return program.Place{Block: len(w.Blocks) - 1}
	}
	params := make([]map[int]bool, len(p.Segments)) // those that are widened
	for i := range w.Segments {
		s := &w.Segments[i]
		wide := activations(&p.Segments[i])
		s.Params, s.Locals, params[i] = slices.Clone(s.Params), slices.Clone(s.Locals), wide
		for n := range wide {
			if n < len(s.Params) {
				s.Params[n].DType = dtype.F32
			} else {
				x := &s.Locals[n-len(s.Params)]
				x.DType, x.Place = dtype.F32, place(x.Rows, x.Cols)
			}
		}
	}
	for _, e := range w.Entries {
		for _, call := range e.Calls {
			for n := range params[call.Segment] {
				if n >= len(call.Args) {
					continue
				}
				if b := &w.Buffers[call.Args[n]]; b.DType != dtype.F32 {
					b.DType, b.Place = dtype.F32, place(b.Rows, b.Cols)
				}
			}
		}
	}
	return &w
}

// activations are the slots of a segment that hold narrow activations other than
// attention's o and do. Elsewhere attention's o is known by who writes it.
func activations(s *program.Segment) map[int]bool {
	found := map[int]bool{}
	for i := range s.Instrs {
		s.Activations(&s.Instrs[i], func(o program.Operand, _ bool) { found[o.Slot] = true })
	}
	for _, in := range s.Instrs {
		switch in.Op {
		case program.OpAttention:
			delete(found, in.Out[0].Slot)
		case program.OpAttentionGrad:
			delete(found, in.In[3].Slot)
			delete(found, in.In[5].Slot)
		}
	}
	return found
}
