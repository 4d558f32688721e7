package lower

import (
	"fmt"
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

// pass compiles the entries of one number of tokens.
type pass struct {
	*lowerer
	rows   int
	cache  map[string]compiled
	joints map[string]*joint
}

func (l *lowerer) newPass(rows int) *pass {
	return &pass{l, rows, map[string]compiled{}, map[string]*joint{}}
}

func (l *lowerer) trainEntries(rows int) error {
	p := l.newPass(rows)
	defer l.arena.release(l.arena.mark())
	micros, err := p.micros(l.Micros, true)
	if err != nil {
		return err
	}
	if l.model.Params < 0 {
		return p.entry(program.Score, micros[:1])
	}
	if err := p.reserveKept(micros); err != nil {
		return err
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
	p := l.newPass(rows)
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
	first := p.parks()
	if !train {
		first = len(p.graph.Blocks) - 1
	}
	var all []*residual
	for m := range n {
		name := fmt.Sprintf("%d.%d", p.rows, m)
		io, err := p.newIO(name, false)
		if err != nil {
			return nil, err
		}
		r, err := p.newResidual(name, first, train)
		if err != nil {
			return nil, err
		}
		r.io = io
		all = append(all, r)
	}
	return all, nil
}

func (p *pass) activation(name string, cols int) (program.BufferID, error) {
	return p.newBuffer(program.Arena, p.arena, name, dtype.F32, p.rows, cols)
}

// keeps says whether block i's activations are kept.
func (p *pass) keeps(i int) bool { return i >= len(p.graph.Blocks)-p.Keep }

// entry lists the calls of an entry, layer by layer, and in each layer micro
// batch by micro batch.
func (p *pass) entry(kind program.EntryKind, micros []*residual) error {
	e := program.Entry{Kind: kind, Tokens: p.rows, Micros: len(micros)}
	for _, m := range micros {
		e.IO = append(e.IO, m.io)
	}
	on := p.stream.window()
	training := kind == program.Step || kind == program.Forward // keeps what backward needs
	call := func(layer int, what part, c compiled, err error) error {
		if err != nil {
			return err
		}
		loads := on.need(layer)
		for _, m := range micros {
			call := program.Call{Loads: loads, Segment: c.index, Args: p.bind(c, layer, m), Module: p.firstModule(p.segments[layer+1])}
			if what == backwardPart {
				call.Loads = append(call.Loads[:len(call.Loads):len(call.Loads)], m.load(layer)...)
			} else if training {
				call.Saves = m.save(layer + 1)
			}
			e.Calls = append(e.Calls, call)
			loads = nil
		}
		return nil
	}
	blocks := len(p.graph.Blocks)
	if kind != program.Backward {
		c, err := p.embed(p.Noise)
		if err := call(-1, forwardPart, c, err); err != nil {
			return err
		}
		for i := range blocks {
			c, err := p.block(i, forwardPart, training && p.keeps(i))
			if err := call(i, forwardPart, c, err); err != nil {
				return err
			}
		}
	}
	c, err := p.head(kind == program.Step || kind == program.Backward)
	if err := call(blocks, forwardPart, c, err); err != nil {
		return err
	}
	if kind == program.Step || kind == program.Backward {
		for i := blocks - 1; i >= 0; i-- {
			c, err := p.block(i, backwardPart, p.keeps(i))
			if err := call(i, backwardPart, c, err); err != nil {
				return err
			}
		}
		if p.Full {
			c, err := p.embedGrad()
			if err := call(-1, backwardPart, c, err); err != nil {
				return err
			}
		}
	}
	p.prog.Entries = append(p.prog.Entries, e)
	return nil
}

// firstModule is the dropout number of a segment's first adapter, from which its
// code counts.
func (l *lowerer) firstModule(seg graph.Segment) uint32 {
	for _, op := range seg.Ops {
		if id, ok := l.ids[op.Module]; ok {
			return id
		}
	}
	return 0
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
	o := p.segments[layer+1].Ops[i]
	role, isGrad := strings.CutSuffix(role, ".grad")
	if what, ok := strings.CutSuffix(role, "_cache"); ok {
		return p.caches[cacheName(layer, i, what)]
	}
	var name string
	switch role {
	case "norm":
		return p.adapters[o.Module].Norm
	case "weight":
		name = o.Weight
	case "bias":
		name = o.Bias
	case "lora_A":
		name = loraA(o.Module)
	case "lora_B":
		name = loraB(o.Module)
	case "magnitude":
		name = magnitude(o.Module)
	}
	if isGrad {
		return p.grads[name]
	}
	return p.onDevice(name)
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

// embed looks the tokens up, with noise of NEFTune's size in training.
func (p *pass) embed(noise float32) (compiled, error) {
	return p.once("embed", func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Embed, p.rows)
		f.noise = noise
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
		live := f.live(f.instrs, nil, "")
		f.narrow(live)
		return f.code, live, nil
	})
}

// shape is a key that blocks with the same code share: everything but names.
func (l *lowerer) shape(i int) string {
	if key, ok := l.shared[i]; ok {
		return key
	}
	var b strings.Builder
	for _, op := range l.graph.Blocks[i].Ops {
		rank := 0
		if m, ok := l.adapters[op.Module]; ok {
			rank = m.Rank
			fmt.Fprintf(&b, "|%g", m.Scale)
		}
		bias := op.Bias != ""
		shape, stored := l.shapes[op.Weight], l.stored(op.Weight)
		op.Module, op.Weight, op.Bias = "", "", ""
		fmt.Fprintf(&b, "|%v %v %s %t %d", op, shape, stored, bias, rank)
	}
	l.shared[i] = b.String()
	return l.shared[i]
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
