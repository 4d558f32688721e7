package cpu_test

import (
	"strings"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Inputs that index memory are refused by a run when they point outside.
func TestWrongInputs(t *testing.T) {
	attention := program.Attr{Scale: 1, Heads: 1, KVHeads: 1, HeadDim: 4}
	embed := func(b *bt.Builder) {
		b.Emit(program.OpEmbed, program.Attr{Scale: 1}, bt.In(b.Param("ids", dtype.I32, 2, 1), b.Param("table", dtype.F32, 5, 4)), b.Param("y", dtype.F32, 2, 4))
	}
	entropy := func(b *bt.Builder) {
		b.Emit(program.OpCrossEntropy, program.Attr{}, bt.In(b.Param("targets", dtype.I32, 2, 1), b.Param("weights", dtype.F32, 2, 1)),
			b.Param("logits", dtype.F32, 2, 5), b.Param("logp", dtype.F32, 2, 1))
	}
	attend := func(b *bt.Builder) {
		first, last := b.Param("first", dtype.I32, 2, 1), b.Param("last", dtype.I32, 2, 1)
		x := func(name string) program.Operand { return b.Param(name, dtype.F32, 2, 4) }
		b.Emit(program.OpAttention, attention, bt.In(x("q"), x("k"), x("v"), first, last), x("o"), b.Param("lse", dtype.F32, 2, 1))
	}
	cache := func(b *bt.Builder) {
		b.Emit(program.OpCacheAppend, program.Attr{}, bt.In(b.Param("x", dtype.F32, 2, 4)), b.Param("cache", dtype.F32, 8, 4))
	}
	for _, c := range []struct {
		name    string
		emit    func(b *bt.Builder)
		inputs  [][]int32 // of the first parameters
		scalars program.Scalars
		err     string // "" is none
	}{
		{"ids", embed, [][]int32{{4, 0}}, program.Scalars{}, ""},
		{"id too large", embed, [][]int32{{0, 5}}, program.Scalars{}, "embed: token id of row 1 is 5, want 0 to 4"},
		{"id negative", embed, [][]int32{{-1, 0}}, program.Scalars{}, "embed: token id of row 0 is -1"},
		{"no target", entropy, [][]int32{{-1, 4}}, program.Scalars{}, ""},
		{"target too large", entropy, [][]int32{{-1, 5}}, program.Scalars{}, "cross_entropy: target of row 1 is 5, want -1 to 4"},
		{"document begins later", attend, [][]int32{{1, 1}, {1, 1}}, program.Scalars{}, "first row of the document of row 0 is 1, want 0 to 0"},
		{"document ended before", attend, [][]int32{{0, 0}, {1, 0}}, program.Scalars{}, "last row of the document of row 1 is 0, want 1 to 1"},
		{"cache is full", cache, nil, program.Scalars{Past: 7, Tokens: 2}, "cache_append: 2 tokens of 2 rows after 7 do not fit a cache of 8"},
		{"cache just fits", cache, nil, program.Scalars{Past: 6, Tokens: 2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bt.Builder{}
			c.emit(b)
			e, err := open("", 1)(t).Compile(b.Program())
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for i, x := range c.inputs {
				if err := bt.WriteInts(e, program.Operand{Slot: i}, x); err != nil {
					t.Fatal(err)
				}
			}
			err = e.Run(0, &c.scalars)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
