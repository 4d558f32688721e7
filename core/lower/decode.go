package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
)

// decodeEntries compiles Decode for each number of tokens over one KV cache.
func (l *lowerer) decodeEntries() error {
	defer l.arena.release(l.arena.mark())
	shared := l.newPass(l.Cache)
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
		if err := l.newPass(rows).decode(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) decode() error {
	defer p.arena.release(p.arena.mark())
	name := fmt.Sprintf("decode.%d", p.rows)
	r, err := p.newResidual(name, len(p.graph.Blocks)-1, false)
	if err != nil {
		return err
	}
	if r.io, err = p.newIO(name, true); err != nil {
		return err
	}
	e := program.Entry{Kind: program.Decode, Tokens: p.rows, Micros: 1, IO: []program.IO{r.io}}
	on := p.stream.window()
	add := func(layer int, c compiled, err error) error {
		e.Calls = append(e.Calls, program.Call{Loads: on.need(layer), Segment: c.index, Args: p.bind(c, layer, r), Module: p.firstModule(p.segments[layer+1])})
		return err
	}
	c, err := p.embed(0)
	if err := add(-1, c, err); err != nil {
		return err
	}
	for i, seg := range p.graph.Blocks {
		c, err := p.once("block.decode"+p.shape(i), func() (*code, []program.Instr, map[int]string) {
			f := p.newFunction(seg, p.rows)
			f.cached = true
			f.input()
			f.forward(0, len(seg.Ops))
			out := f.values[seg.Output()].Slot
			f.narrow(f.instrs, out)
			return f.code, f.instrs, map[int]string{out: keyOut}
		})
		if err := add(i, c, err); err != nil {
			return err
		}
	}
	c, err = p.once("head.decode", func() (*code, []program.Instr, map[int]string) {
		f := p.newFunction(p.graph.Head, p.rows)
		f.headLogits()
		f.narrow(f.instrs)
		return f.code, f.instrs, nil
	})
	if err := add(len(p.graph.Blocks), c, err); err != nil {
		return err
	}
	p.prog.Entries = append(p.prog.Entries, e)
	return nil
}
