package lower

import (
	"github.com/loraedge/loraedge/core/program"
)

// live keeps the instructions on which the wanted variables depend. A
// parameter that is written is wanted unless dead names it.
func (c *code) live(instrs []program.Instr, want map[int]bool, dead string) []program.Instr {
	needed := map[int]bool{}
	for v := range want {
		needed[v] = true
	}
	for v, x := range c.vars {
		if x.key != "" && x.key != dead {
			needed[v] = true
		}
	}
	var kept []program.Instr
	for i := len(instrs) - 1; i >= 0; i-- {
		in := instrs[i]
		alive := false
		for _, o := range in.Out {
			alive = alive || needed[o.Slot]
		}
		if !alive {
			continue
		}
		for _, o := range in.In {
			if o.Given() {
				needed[o.Slot] = true
			}
		}
		for _, o := range in.Out { // many instructions add to what is there
			needed[o.Slot] = true
		}
		kept = append(kept, in)
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	return kept
}

// mentioned is the set of variables that instructions name.
func mentioned(instrs []program.Instr) map[int]bool {
	set := map[int]bool{}
	for _, in := range instrs {
		for _, o := range in.In {
			if o.Given() {
				set[o.Slot] = true
			}
		}
		for _, o := range in.Out {
			set[o.Slot] = true
		}
	}
	return set
}

// crossing are the locals that first uses and second uses too, in order: what
// the second half of the code needs of the first. Both halves get them as
// parameters.
func (c *code) crossing(first, second []program.Instr) []int {
	a, b := mentioned(first), mentioned(second)
	var vars []int
	for v, x := range c.vars {
		if x.key == "" && a[v] && b[v] {
			vars = append(vars, v)
		}
	}
	return vars
}

// segment makes a segment of instructions; variables in bound become
// parameters under the given keys. It returns the parameters' keys in order.
// Locals are placed in s, above what s holds now.
func (c *code) segment(name string, instrs []program.Instr, bound map[int]string, s *space) (program.Segment, []string, error) {
	seg := program.Segment{Name: name}
	var keys []string
	slot := map[int]int{}
	used := mentioned(instrs)
	for v, x := range c.vars {
		key, ok := bound[v]
		if !ok {
			key = x.key
		}
		if used[v] && key != "" {
			slot[v] = len(seg.Params)
			seg.Params = append(seg.Params, x.Slot)
			keys = append(keys, key)
		}
	}
	mark := s.mark()
	defer s.release(mark)
	for _, v := range localsByFirstUse(instrs, slot) {
		x := c.vars[v].Slot
		bytes := x.DType.Bytes(x.Rows, x.Cols)
		from, to := lifetime(instrs, v)
		place, err := s.place(bytes, from, to)
		if err != nil {
			return seg, nil, err
		}
		x.Place = program.Place{Block: unnumbered(program.Arena, place.Block), Offset: place.Offset}
		slot[v] = len(seg.Params) + len(seg.Locals)
		seg.Locals = append(seg.Locals, x)
	}
	for _, in := range instrs {
		seg.Instrs = append(seg.Instrs, renumber(in, slot))
	}
	return seg, keys, nil
}

func renumber(in program.Instr, slot map[int]int) program.Instr {
	change := func(list []program.Operand) []program.Operand {
		out := make([]program.Operand, len(list))
		for i, o := range list {
			out[i] = o
			if o.Given() {
				out[i].Slot = slot[o.Slot]
			}
		}
		return out
	}
	in.In, in.Out = change(in.In), change(in.Out)
	return in
}

func localsByFirstUse(instrs []program.Instr, params map[int]int) []int {
	seen := map[int]bool{}
	var order []int
	visit := func(list []program.Operand) {
		for _, o := range list {
			if _, isParam := params[o.Slot]; o.Given() && !isParam && !seen[o.Slot] {
				seen[o.Slot] = true
				order = append(order, o.Slot)
			}
		}
	}
	for _, in := range instrs {
		visit(in.In)
		visit(in.Out)
	}
	return order
}

func lifetime(instrs []program.Instr, v int) (from, to int) {
	from = -1
	for i, in := range instrs {
		for _, list := range [][]program.Operand{in.In, in.Out} {
			for _, o := range list {
				if o.Slot == v {
					if from < 0 {
						from = i
					}
					to = i
				}
			}
		}
	}
	return from, to
}
