package lower

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
)

// block compiles one part of block i, or finds the segment of a block of the
// same shape.
func (p *pass) block(i int, what part, keep bool) (compiled, error) {
	// Without what is kept, the forward part is the same in all blocks.
	first := p.first(i) && (keep || what == backwardPart)
	return p.once(fmt.Sprintf("block.%s.%t.%t%s", what, keep, first, p.shape(i)), func() (*code, []program.Instr, map[int]string) {
		j := p.joint(i)
		if !keep && what == forwardPart {
			return j.code, j.live(j.instrs[:j.cut], map[int]bool{j.out: true}, ""), map[int]string{j.out: keyOut}
		}
		if !keep {
			return j.code, j.live(j.instrs, nil, j.dead()), nil
		}
		bound := map[int]string{}
		for n, v := range j.saved {
			bound[v] = "keep." + j.savedName(n)
		}
		if what == backwardPart {
			if slices.Contains(j.saved, j.out) {
				bound[j.out] = keyOut
			}
			return j.code, j.live(j.instrs[j.cut:], nil, j.dead()), bound
		}
		bound[j.out] = keyOut
		want := map[int]bool{}
		for v := range bound {
			want[v] = true
		}
		return j.code, j.live(j.instrs[:j.cut], want, ""), bound
	})
}

// joint is a block's forward and backward code in one.
type joint struct {
	*function
	cut   int   // the backward code's first instruction
	out   int   // variable of the block's output
	saved []int // variables that backward needs of forward
	first bool  // nothing below this block is trained: it gives no gradient on
}

// first says whether nothing below block i is trained.
func (p *pass) first(i int) bool { return i == 0 && !p.Full }

// joint builds the code of block i, once for all blocks of its shape.
func (p *pass) joint(i int) *joint {
	key := fmt.Sprint(p.first(i), p.shape(i))
	if j, ok := p.joints[key]; ok {
		return j
	}
	f := p.newFunction(p.graph.Blocks[i], p.rows)
	j := &joint{function: f, first: p.first(i)}
	p.joints[key] = j
	f.input()
	f.forward(0, len(f.seg.Ops))
	j.cut, j.out = len(f.instrs), f.values[f.seg.Output()].Slot
	f.grads[f.seg.Output()] = f.gradient()
	f.backward(len(f.seg.Ops))
	f.finish()
	f.narrow(f.live(f.instrs, map[int]bool{j.out: true}, j.dead()), j.out)
	j.saved = f.crossing(f.instrs[:j.cut], f.live(f.instrs[j.cut:], nil, j.dead()))
	return j
}

func (j *joint) dead() string {
	if j.first {
		return keyGradient
	}
	return ""
}

func (j *joint) savedName(n int) string { return fmt.Sprintf("%d.%s", n, j.vars[j.saved[n]].Name) }

// reserveKept gives what each block keeps for its backward pass a buffer in
// every micro batch. It must come before any segment places its locals.
func (p *pass) reserveKept(micros []*residual) error {
	for i := range p.graph.Blocks {
		if !p.keeps(i) {
			continue
		}
		j := p.joint(i)
		for k, m := range micros {
			m.kept[i] = map[string]program.BufferID{}
			for n, v := range j.saved {
				if v == j.out {
					continue // the residual stream holds it
				}
				x, name := j.vars[v], j.savedName(n)
				id, err := p.newBuffer(program.Arena, p.arena, fmt.Sprintf("kept.%d.%s.%d.%d", i, name, p.rows, k), x.DType, x.Rows, x.Cols)
				if err != nil {
					return err
				}
				m.kept[i][name] = id
			}
		}
	}
	return nil
}
