package lower_test

import (
	"slices"
	"testing"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
)

// tall is the tiny model with its first block some times, each with weights of its own.
func tall(blocks int) *graph.Graph {
	g := tinyModel(true)
	params := slices.Clone(g.Params)
	first := g.Blocks[0]
	g.Blocks = nil
	for i := range blocks {
		block := first
		block.Ops = slices.Clone(first.Ops)
		own := func(name *string) {
			for _, p := range params {
				if p.Name == *name && *name != "" {
					p.Name += string(rune('a' + i))
					*name = p.Name
					g.Params = append(g.Params, p)
					return
				}
			}
		}
		for k := range block.Ops {
			own(&block.Ops[k].Weight)
			own(&block.Ops[k].Bias)
			if m := &block.Ops[k].Module; *m != "" {
				*m += string(rune('a' + i))
			}
		}
		g.Blocks = append(g.Blocks, block)
	}
	named := map[string]bool{}
	for _, s := range g.Segments() {
		for _, op := range s.Ops {
			named[op.Weight], named[op.Bias] = true, true
		}
	}
	g.Params = slices.DeleteFunc(g.Params, func(p graph.Param) bool { return !named[p.Name] })
	return g
}

// Whatever is streamed and kept: when a call runs, each weight's place holds
// that weight, loaded before and not overwritten since.
func TestStreamedWeightsAreThere(t *testing.T) {
	for blocks := 1; blocks <= 6; blocks++ {
		for stream := 1; stream <= blocks; stream++ {
			o := lower.Options{
				Train: []int{8, 16}, Score: []int{32}, Decode: []int{1}, Cache: 32, Micros: 2, Keep: 2, Stream: stream, Adapter: withDoRA(2, 0),
			}
			m, err := lower.Lower(tall(blocks), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Program.Check(); err != nil {
				t.Fatal(err)
			}
			loaded := 0
			for i := range m.Program.Entries {
				loaded += followLoads(t, m.Program, &m.Program.Entries[i])
			}
			if loaded == 0 || t.Failed() {
				t.Fatalf("%d blocks, %d streamed: %d uses of loaded weights", blocks, stream, loaded)
			}
		}
	}
}

// followLoads runs through an entry and counts uses of what was loaded.
func followLoads(t *testing.T, p *program.Program, e *program.Entry) (uses int) {
	streamed := map[program.BufferID]bool{}
	for _, entry := range p.Entries {
		for _, c := range entry.Calls {
			for _, l := range c.Loads {
				streamed[l.To] = true
			}
		}
	}
	there := map[program.BufferID]bool{}
	for i, c := range e.Calls {
		for _, l := range c.Loads {
			for id := range there {
				if overlap(p.Buffers[id], p.Buffers[l.To]) {
					delete(there, id)
				}
			}
			there[l.To] = true
		}
		for _, id := range c.Args {
			if !streamed[id] {
				continue
			}
			uses++
			if !there[id] {
				t.Errorf("entry %d, call %d: %s is not in its place", e.Kind, i, p.Buffers[id].Name)
			}
		}
	}
	return uses
}

func overlap(a, b program.Buffer) bool {
	return a.Place.Block == b.Place.Block && a.Place.Offset < b.Place.Offset+b.Bytes() && b.Place.Offset < a.Place.Offset+a.Bytes()
}

// Streaming takes the device's memory of two blocks and one neighbour at most,
// whatever the number of blocks.
func TestStreamingBoundsTheDevice(t *testing.T) {
	bytes := func(blocks, stream int) map[program.Class]int64 {
		m, err := lower.Lower(tall(blocks), lower.Options{Train: []int{8}, Stream: stream, Adapter: allLinear(2, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return m.Program.Bytes()
	}
	few, many, resident := bytes(4, 4), bytes(12, 12), bytes(12, 0)
	if few[program.Weights] != many[program.Weights] {
		t.Errorf("4 blocks take %d bytes of weights on the device, 12 take %d", few[program.Weights], many[program.Weights])
	}
	if many[program.Host] == 0 || many[program.Weights]+many[program.Host] < resident[program.Weights] {
		t.Errorf("%v hold less than the weights, %d bytes", many, resident[program.Weights])
	}
}
