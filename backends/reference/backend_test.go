package reference_test

import (
	"strings"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
)

// Numbers that the host got wrong are errors that say which row.
func TestWrongRowsAreErrors(t *testing.T) {
	attention := program.Attr{Heads: 1, KVHeads: 1, HeadDim: 2, Scale: 1}
	for _, c := range []struct {
		name string
		emit func(p *problem)
		want string
	}{
		{"id", func(p *problem) {
			p.Emit(program.OpEmbed, program.Attr{}, bt.In(p.integers("ids", 1, 3), p.floats("table", 3, 2)), p.floats("y", 2, 2))
		}, "(embed): id of row 1 is 3, and there are 3"},
		{"negative id", func(p *problem) {
			p.Emit(program.OpEmbed, program.Attr{}, bt.In(p.integers("ids", -1), p.floats("table", 3, 2)), p.floats("y", 1, 2))
		}, "id of row 0 is -1"},
		{"order", func(p *problem) {
			p.Emit(program.OpEmbedGrad, program.Attr{}, bt.In(p.integers("ids", 0), p.integers("order", 1), p.floats("dy", 1, 2)), p.floats("dtable", 3, 2))
		}, "order of row 0 is 1, and there are 1"},
		{"target", func(p *problem) {
			p.Emit(program.OpCrossEntropy, program.Attr{}, bt.In(p.integers("targets", 5), p.floats("weights", 1, 1)), p.floats("logits", 1, 5), p.floats("logp", 1, 1))
		}, "target of row 0 is 5, and there are 5"},
		{"first row after the row", func(p *problem) {
			x := p.floats("x", 2, 2)
			p.Emit(program.OpAttention, attention, bt.In(x, x, x, p.integers("first", 0, 2), p.integers("last", 0, 2)), p.floats("o", 2, 2), p.floats("lse", 2, 1))
		}, "first row of the document of row 1 is 2, and there are 2"},
		{"full cache", func(p *problem) {
			p.scalars.Past, p.scalars.Tokens = 3, 2
			p.Emit(program.OpCacheAppend, program.Attr{}, bt.In(p.floats("x", 2, 2)), p.floats("cache", 4, 2))
		}, "2 tokens of 2 rows after 3 do not fit a cache of 4 tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &problem{ints: map[program.BufferID][]int32{}}
			c.emit(p)
			e, err := reference.New[float32]().Load(p.Program())
			if err != nil {
				t.Fatal(err)
			}
			for id, x := range p.ints {
				if err := bt.WriteInts(e, program.Operand{Slot: int(id)}, x); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Run(0, &p.scalars); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}
