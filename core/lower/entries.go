package lower

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// compiled is a segment of the program and the keys of its parameters in order.
type compiled struct {
	index int
	keys  []string
}

// residual are the buffers of one micro batch: the input of every block, the
// last one's output, and the gradient.
type residual struct {
	io       program.IO
	x        []program.BufferID
	gradient program.BufferID
	kept     []map[string]program.BufferID // by block, where activations are kept
}

// pass compiles the entries of one number of tokens.
type pass struct {
	*lowerer
	rows  int
	cache map[string]compiled
}

func (l *lowerer) trainEntries(rows int) error {
	p := &pass{l, rows, map[string]compiled{}}
	defer l.arena.release(l.arena.mark())
	micros, err := p.micros(l.Micros, true)
	if err != nil {
		return err
	}
	if l.model.Params < 0 {
		return p.entry(program.Score, micros[:1])
	}
	if p.Keep {
		if err := p.reserveKept(micros); err != nil {
			return err
		}
	}
	for _, kind := range []program.EntryKind{program.Step, program.Forward, program.Backward, program.Score} {
		if err := p.entry(kind, micros[:1]); err != nil {
			return err
		}
	}
	if len(micros) > 1 {
		return p.entry(program.Step, micros)
	}
	return nil
}

func (l *lowerer) scoreEntries(rows int) error {
	p := &pass{l, rows, map[string]compiled{}}
	defer l.arena.release(l.arena.mark())
	micros, err := p.micros(1, false)
	if err != nil {
		return err
	}
	return p.entry(program.Score, micros)
}

// micros allocates the buffers of n micro batches. Without training two
// residual buffers take turns.
func (p *pass) micros(n int, train bool) ([]*residual, error) {
	var all []*residual
	for m := range n {
		io, err := p.newIO(fmt.Sprintf("%d.%d", p.rows, m), false)
		if err != nil {
			return nil, err
		}
		r := &residual{io: io, gradient: -1}
		count := len(p.graph.Blocks) + 1
		if !train {
			count = min(count, 2)
		}
		for i := range count {
			x, err := p.activation(fmt.Sprintf("x%d.%d.%d", i, p.rows, m), p.graph.Width)
			if err != nil {
				return nil, err
			}
			r.x = append(r.x, x)
		}
		if train {
			if r.gradient, err = p.activation(fmt.Sprintf("gradient.%d.%d", p.rows, m), p.graph.Width); err != nil {
				return nil, err
			}
			r.kept = make([]map[string]program.BufferID, len(p.graph.Blocks))
		}
		all = append(all, r)
	}
	return all, nil
}

func (p *pass) activation(name string, cols int) (program.BufferID, error) {
	return p.newBuffer(program.Arena, p.arena, name, dtype.F32, p.rows, cols)
}

// stream is the residual stream that enters block i.
func (r *residual) stream(i int) program.BufferID { return r.x[i%len(r.x)] }

// entry lists the calls of an entry, layer by layer, and in each layer micro
// batch by micro batch.
func (p *pass) entry(kind program.EntryKind, micros []*residual) error {
	e := program.Entry{Kind: kind, Tokens: p.rows, Micros: len(micros)}
	for _, m := range micros {
		e.IO = append(e.IO, m.io)
	}
	call := func(layer int, c compiled, err error) error {
		if err != nil {
			return err
		}
		for _, m := range micros {
			e.Calls = append(e.Calls, program.Call{Segment: c.index, Args: p.bind(c, layer, m)})
		}
		return nil
	}
	blocks := len(p.graph.Blocks)
	if kind != program.Backward {
		c, err := p.embed()
		if err := call(-1, c, err); err != nil {
			return err
		}
		for i := range blocks {
			c, err := p.block(i, forwardPart, kind != program.Score && p.Keep)
			if err := call(i, c, err); err != nil {
				return err
			}
		}
	}
	c, err := p.head(kind == program.Step || kind == program.Backward)
	if err := call(blocks, c, err); err != nil {
		return err
	}
	if kind == program.Step || kind == program.Backward {
		for i := blocks - 1; i >= 0; i-- {
			c, err := p.block(i, backwardPart, p.Keep)
			if err := call(i, c, err); err != nil {
				return err
			}
		}
		if p.Full {
			c, err := p.embedGrad()
			if err := call(-1, c, err); err != nil {
				return err
			}
		}
	}
	p.prog.Entries = append(p.prog.Entries, e)
	return nil
}

// bind resolves the keys of a segment for layer i (-1 embed, blocks head).
func (p *pass) bind(c compiled, layer int, m *residual) []program.BufferID {
	args := make([]program.BufferID, len(c.keys))
	for k, key := range c.keys {
		args[k] = p.resolve(key, layer, m)
	}
	return args
}

func (p *pass) resolve(key string, layer int, m *residual) program.BufferID {
	switch key {
	case keyIn:
		return m.stream(layer)
	case keyOut:
		return m.stream(layer + 1)
	case keyGradient:
		return m.gradient
	}
	kind, name, _ := strings.Cut(key, ".")
	switch kind {
	case "io":
		return ioBuffer(m.io, name)
	case "const":
		return program.BufferID(number(name))
	case "keep":
		return m.kept[layer][name]
	}
	return p.parameter(kind, name, layer)
}

// parameter is the buffer of a role ("weight", "lora_A.grad", …) of operation
// op of a layer.
func (p *pass) parameter(op, role string, layer int) program.BufferID {
	i := number(op)
	o := p.allSegments()[layer+1].Ops[i]
	role, isGrad := strings.CutSuffix(role, ".grad")
	if what, ok := strings.CutSuffix(role, "_cache"); ok {
		return p.caches[cacheName(layer, i, what)]
	}
	name := map[string]string{
		"weight": o.Weight, "bias": o.Bias,
		"lora_A": loraA(o.Module), "lora_B": loraB(o.Module),
	}[role]
	if isGrad {
		return p.grads[name]
	}
	return p.model.Weights[name]
}

// number reads a number that this package wrote into a key.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func cacheName(layer, op int, what string) string {
	return fmt.Sprintf("%s_cache.%d.%d", what, layer, op)
}

type part string

const (
	forwardPart  part = "forward"
	backwardPart part = "backward"
)

func (p *pass) embed() (compiled, error) {
	return p.once("embed", func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Embed, p.rows)
		f.forward(0, len(f.seg.Ops))
		return f.code, f.instrs, map[int]string{f.values[f.seg.Output()].Slot: keyOut}
	})
}

func (p *pass) embedGrad() (compiled, error) {
	return p.once("embed.grad", func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Embed, p.rows)
		f.forward(0, len(f.seg.Ops))
		f.grads[f.seg.Output()] = f.gradient()
		f.backward(len(f.seg.Ops))
		return f.code, f.live(f.instrs, nil, keyGradient), nil
	})
}

func (p *pass) head(gradient bool) (compiled, error) {
	return p.once(fmt.Sprintf("head.%t", gradient), func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Head, p.rows)
		f.head(gradient)
		return f.code, f.live(f.instrs, nil, ""), nil
	})
}

// block compiles one part of block i, or finds the segment of a block of the
// same shape.
func (p *pass) block(i int, what part, keep bool) (compiled, error) {
	j := p.joint(i)
	key := p.shape(i, fmt.Sprintf("%s.%t.%t", what, keep, keep && j.first || what == backwardPart && j.first))
	return p.once(key, func() (*code, []program.Instr, map[int]string) {
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

func (p *pass) joint(i int) *joint {
	f := p.newFunction(p.graph.Blocks[i], p.rows)
	j := &joint{function: f, first: i == 0 && !p.Full}
	f.input()
	f.forward(0, len(f.seg.Ops))
	j.cut, j.out = len(f.instrs), f.values[f.seg.Output()].Slot
	f.grads[f.seg.Output()] = f.gradient()
	f.backward(len(f.seg.Ops))
	f.finish()
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

// shape is a key that blocks with the same code share: everything but names.
// Dropout numbers modules in the code, so with dropout no two blocks share.
func (p *pass) shape(i int, what string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "block.%s", what)
	for _, op := range p.graph.Blocks[i].Ops {
		rank, out := 0, 0
		if m, ok := p.adapters[op.Module]; ok {
			rank, out = m.Rank, int(p.ids[op.Module])
			if p.Adapter.Dropout == 0 {
				out = 0
			}
			fmt.Fprintf(&b, "|%g", m.Scale)
		}
		bias := op.Bias != ""
		shape := p.shapes[op.Weight]
		op.Module, op.Weight, op.Bias = "", "", ""
		fmt.Fprintf(&b, "|%v %v %t %d %d", op, shape, bias, rank, out)
	}
	return b.String()
}

// once compiles a segment the first time its key is seen in this pass.
func (p *pass) once(key string, build func() (*code, []program.Instr, map[int]string)) (compiled, error) {
	if c, ok := p.cache[key]; ok {
		return c, nil
	}
	c, instrs, bound := build()
	name, _, _ := strings.Cut(key, "|")
	seg, keys, err := c.segment(fmt.Sprintf("%s@%d", name, p.rows), instrs, bound, p.arena)
	if err != nil {
		return compiled{}, fmt.Errorf("%s for %d tokens: %w", name, p.rows, err)
	}
	p.prog.Segments = append(p.prog.Segments, seg)
	p.cache[key] = compiled{len(p.prog.Segments) - 1, keys}
	return p.cache[key], nil
}

// updateEntry clips, applies the optimizer and clears the gradients.
func (l *lowerer) updateEntry() {
	n := l.prog.Buffers[l.model.Params].Cols
	c := newCode()
	region := func(name string) program.Operand { return c.param(name, dtype.F32, 1, n) }
	params, grads, m, v := region("params"), region("grads"), region("first_moment"), region("second_moment")
	opt := c.param("optimizer", dtype.F32, 1, 4)
	c.emit(program.OpGradNorm, program.Attr{}, operands(grads), opt)
	c.emit(program.OpAdamW, program.Attr{Ranges: l.prog.Ranges}, operands(grads), params, m, v, opt)
	c.emit(program.OpZero, program.Attr{}, nil, grads)
	seg, _, _ := c.segment("update", c.instrs, nil, l.arena) // has no locals to place
	l.prog.Segments = append(l.prog.Segments, seg)
	l.prog.Entries = append(l.prog.Entries, program.Entry{Kind: program.Update, Calls: []program.Call{{
		Segment: len(l.prog.Segments) - 1,
		Args: []program.BufferID{
			l.model.Params, l.model.Grads, l.model.FirstMoment, l.model.SecondMoment, l.model.Optimizer,
		},
	}}})
}

// decodeEntries compiles Decode for each number of tokens over one KV cache.
func (l *lowerer) decodeEntries() error {
	defer l.arena.release(l.arena.mark())
	shared := &pass{l, l.Cache, nil}
	for layer, block := range l.graph.Blocks {
		for i, op := range block.Ops {
			if op.Kind != graph.Attention {
				continue
			}
			for _, what := range []string{"key", "value"} {
				id, err := shared.activation(cacheName(layer, i, what), op.KVHeads*op.HeadDim)
				if err != nil {
					return err
				}
				l.caches[cacheName(layer, i, what)] = id
			}
		}
	}
	for _, rows := range l.Decode {
		if err := (&pass{l, rows, map[string]compiled{}}).decode(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) decode() error {
	defer p.arena.release(p.arena.mark())
	r := &residual{gradient: -1}
	var err error
	if r.io, err = p.newIO(fmt.Sprintf("decode.%d", p.rows), true); err != nil {
		return err
	}
	for i := range 2 {
		x, err := p.activation(fmt.Sprintf("x%d.decode.%d", i, p.rows), p.graph.Width)
		if err != nil {
			return err
		}
		r.x = append(r.x, x)
	}
	e := program.Entry{Kind: program.Decode, Tokens: p.rows, Micros: 1, IO: []program.IO{r.io}}
	add := func(layer int, c compiled, err error) error {
		e.Calls = append(e.Calls, program.Call{Segment: c.index, Args: p.bind(c, layer, r)})
		return err
	}
	c, err := p.embed()
	if err := add(-1, c, err); err != nil {
		return err
	}
	for i, seg := range p.graph.Blocks {
		c, err := p.once(p.shape(i, "decode"), func() (*code, []program.Instr, map[int]string) {
			f := p.newFunction(seg, p.rows)
			f.cached = true
			f.input()
			f.forward(0, len(seg.Ops))
			out := f.values[seg.Output()].Slot
			return f.code, f.instrs, map[int]string{out: keyOut}
		})
		if err := add(i, c, err); err != nil {
			return err
		}
	}
	c, err = p.once("head.decode", func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Head, p.rows)
		f.headLogits()
		return f.code, f.instrs, nil
	})
	if err := add(len(p.graph.Blocks), c, err); err != nil {
		return err
	}
	p.prog.Entries = append(p.prog.Entries, e)
	return nil
}
