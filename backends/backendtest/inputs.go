package backendtest

import (
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// wrongInputs are integers that the host got wrong: a run refuses what would
// index memory outside, and says which row.
func wrongInputs(t *testing.T, backend backends.Backend) {
	attention := program.Attr{Scale: 1, Heads: 1, KVHeads: 1, HeadDim: 4}
	x := func(b *Builder, name string) program.Operand { return b.Param(name, dtype.F32, 2, 4) }
	integers := func(b *Builder, name string) program.Operand { return b.Param(name, dtype.I32, 2, 1) }
	embed := func(b *Builder) {
		b.Emit(program.OpEmbed, program.Attr{Scale: 1}, In(integers(b, "ids"), b.Param("table", dtype.F32, 5, 4)), x(b, "y"))
	}
	embedGrad := func(b *Builder) {
		b.Emit(program.OpEmbedGrad, program.Attr{Scale: 1}, In(integers(b, "ids"), integers(b, "order"), x(b, "dy")), b.Param("dtable", dtype.F32, 5, 4))
	}
	entropy := func(b *Builder) {
		b.Emit(program.OpCrossEntropy, program.Attr{}, In(integers(b, "targets"), b.Param("weights", dtype.F32, 2, 1)), b.Param("logits", dtype.F32, 2, 5), b.Param("logp", dtype.F32, 2, 1))
	}
	attend := func(b *Builder) {
		first, last := integers(b, "first"), integers(b, "last")
		b.Emit(program.OpAttention, attention, In(x(b, "q"), x(b, "k"), x(b, "v"), first, last), x(b, "o"), b.Param("lse", dtype.F32, 2, 1))
	}
	attendBack := func(b *Builder) {
		first, last := integers(b, "first"), integers(b, "last")
		b.Emit(program.OpAttentionGrad, attention, In(x(b, "q"), x(b, "k"), x(b, "v"), x(b, "o"), b.Param("lse", dtype.F32, 2, 1), x(b, "do"), first, last),
			x(b, "dq"), x(b, "dk"), x(b, "dv"))
	}
	remember := func(b *Builder) {
		b.Emit(program.OpCacheAppend, program.Attr{}, In(x(b, "x")), b.Param("cache", dtype.F32, 8, 4))
	}
	recall := func(b *Builder) {
		b.Emit(program.OpAttentionCached, attention, In(x(b, "q"), b.Param("k", dtype.F32, 8, 4), b.Param("v", dtype.F32, 8, 4)), x(b, "o"))
	}
	for _, c := range []struct {
		name    string
		emit    func(b *Builder)
		inputs  [][]int32 // of the parameters that are integers
		scalars program.Scalars
		err     string // "" is none
	}{
		{"ids", embed, [][]int32{{4, 0}}, program.Scalars{}, ""},
		{"id too large", embed, [][]int32{{0, 5}}, program.Scalars{}, "embed: token id of row 1 is 5, want 0 to 4"},
		{"id negative", embed, [][]int32{{-1, 0}}, program.Scalars{}, "embed: token id of row 0 is -1"},
		{"order", embedGrad, [][]int32{{0, 0}, {1, 0}}, program.Scalars{}, ""},
		{"id of a gradient", embedGrad, [][]int32{{0, 5}, {0, 1}}, program.Scalars{}, "token id of row 1 is 5"},
		{"order too large", embedGrad, [][]int32{{0, 0}, {0, 2}}, program.Scalars{}, "order of row 1 is 2, want 0 to 1"},
		{"no target", entropy, [][]int32{{-1, 4}}, program.Scalars{}, ""},
		{"target too large", entropy, [][]int32{{-1, 5}}, program.Scalars{}, "cross_entropy: target of row 1 is 5, want -1 to 4"},
		{"documents", attend, [][]int32{{0, 1}, {0, 1}}, program.Scalars{}, ""},
		{"document begins later", attend, [][]int32{{1, 1}, {1, 1}}, program.Scalars{}, "first row of the document of row 0 is 1, want 0 to 0"},
		{"document ended before", attend, [][]int32{{0, 0}, {1, 0}}, program.Scalars{}, "last row of the document of row 1 is 0, want 1 to 1"},
		{"document of a gradient", attendBack, [][]int32{{0, 2}, {1, 1}}, program.Scalars{}, "first row of the document of row 1 is 2"},
		{"cache is full", remember, nil, program.Scalars{Past: 7, Tokens: 2}, "cache_append: 2 tokens of 2 rows after 7 do not fit a cache of 8"},
		{"cache just fits", remember, nil, program.Scalars{Past: 6, Tokens: 2}, ""},
		{"beyond the cache", recall, nil, program.Scalars{Past: 8, Tokens: 1}, "1 tokens of 2 rows after 8 do not fit a cache of 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Builder{}
			c.emit(b)
			p := b.Program()
			e, err := backend.Compile(p)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			inputs := c.inputs
			for i, buffer := range p.Buffers {
				if buffer.DType != dtype.I32 {
					continue
				}
				if err := WriteInts(e, program.Operand{Slot: i}, inputs[0]); err != nil {
					t.Fatal(err)
				}
				inputs = inputs[1:]
			}
			err = e.Run(0, &c.scalars)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
