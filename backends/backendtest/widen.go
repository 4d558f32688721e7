package backendtest

import (
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Widening compiles programs for a backend with their narrow activations in F32: whatever
// writes one writes it twice, and products read the one in F32 and round it. What does not
// round all that it reads gets the narrow one: attention's gradient o and do, of which D
// is made. So all results of a run have the same bits as those of the program itself.
type Widening struct {
	backends.Backend
	// WeightGrads says that the backend does not round the factors of weights' gradients either.
	WeightGrads bool
}

// Compile widens a copy of the program.
func (w Widening) Compile(p *program.Program) (backends.Executable, error) {
	return w.Backend.Compile(w.Widened(p))
}

// widening is a program that is being copied with a wide twin of each narrow activation.
type widening struct {
	program.Program
	of      Widening
	buffers map[program.BufferID]program.BufferID
}

// Widened is the program with wide twins.
func (w Widening) Widened(p *program.Program) *program.Program {
	c := &widening{*p, w, map[program.BufferID]program.BufferID{}}
	c.Blocks, c.Buffers, c.Entries = slices.Clone(p.Blocks), slices.Clone(p.Buffers), slices.Clone(p.Entries)
	c.Segments = nil
	var params [][]int // by segment, those that have twins
	for i := range p.Segments {
		s, twins := c.segment(&p.Segments[i])
		c.Segments, params = append(c.Segments, s), append(params, twins)
	}
	for i := range c.Entries {
		calls := slices.Clone(c.Entries[i].Calls)
		for k := range calls {
			args := slices.Clone(calls[k].Args)
			for _, n := range params[calls[k].Segment] {
				args = append(args, c.buffer(args[n]))
			}
			calls[k].Args = args
		}
		c.Entries[i].Calls = calls
	}
	return &c.Program
}

// place is a block of its own for a matrix of F32.
func (c *widening) place(rows, cols int) program.Place {
	size := (dtype.F32.Bytes(rows, cols) + program.Align - 1) / program.Align * program.Align
	c.Blocks = append(c.Blocks, program.Block{Class: program.Arena, Size: size})
	return program.Place{Block: len(c.Blocks) - 1}
}

// buffer is the twin of a buffer.
func (c *widening) buffer(id program.BufferID) program.BufferID {
	if twin, ok := c.buffers[id]; ok {
		return twin
	}
	b := c.Buffers[id]
	b.DType, b.Place = dtype.F32, c.place(b.Rows, b.Cols)
	c.Buffers = append(c.Buffers, b)
	c.buffers[id] = program.BufferID(len(c.Buffers) - 1)
	return c.buffers[id]
}

// segment adds twins to a segment, those of parameters behind its parameters, and lists
// the parameters that have one.
func (c *widening) segment(s *program.Segment) (program.Segment, []int) {
	var narrow []int
	for i := range s.Instrs {
		s.Activations(&s.Instrs[i], func(o program.Operand, _ bool) { narrow = append(narrow, o.Slot) })
	}
	slices.Sort(narrow)
	narrow = slices.Compact(narrow)
	params := slices.DeleteFunc(slices.Clone(narrow), func(n int) bool { return n >= len(s.Params) })
	out := program.Segment{Name: s.Name, Params: slices.Clone(s.Params), Locals: slices.Clone(s.Locals)}
	twin := map[int]int{}
	for k, n := range narrow {
		x := s.Slot(program.Operand{Slot: n})
		x.DType = dtype.F32
		if k < len(params) {
			twin[n] = len(out.Params)
			out.Params = append(out.Params, x)
		} else {
			x.Place = c.place(x.Rows, x.Cols)
			twin[n] = len(s.Params) + len(params) + len(out.Locals)
			out.Locals = append(out.Locals, x)
		}
	}
	moved := func(list []program.Operand, wide func(i int) bool) ([]program.Operand, bool) {
		list, any := slices.Clone(list), false
		for i, o := range list {
			if n, ok := twin[o.Slot]; ok && wide(i) {
				list[i].Slot, any = n, true
			} else if o.Slot >= len(s.Params) {
				list[i].Slot += len(params)
			}
		}
		return list, any
	}
	for _, in := range s.Instrs {
		op, original := in.Op, in.Out
		in.In, _ = moved(in.In, func(i int) bool { return !c.of.narrowly(op, i) })
		in.Out, _ = moved(original, func(int) bool { return false })
		out.Instrs = append(out.Instrs, in)
		var twice bool
		if in.Out, twice = moved(original, func(int) bool { return true }); twice {
			out.Instrs = append(out.Instrs, in)
		}
	}
	return out, params
}

// narrowly says whether an instruction does not round this input.
func (w Widening) narrowly(op program.Op, input int) bool {
	return op == program.OpAttentionGrad && (input == 3 || input == 5) || op == program.OpLinearWeightGrad && w.WeightGrads
}
