package vulkan

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Inputs that index memory are refused by a run when they point outside.
func TestWrongInputs(t *testing.T) {
	p := &program.Program{Buffers: []program.Buffer{
		{Name: "x", DType: dtype.F32, Rows: 64, Cols: 4},
		{Name: "first", DType: dtype.I32, Rows: 2, Cols: 1, Place: program.Place{Block: 1, Offset: 256}},
		{Name: "last", DType: dtype.I32, Rows: 2, Cols: 1, Place: program.Place{Block: 1, Offset: 512}},
	}}
	at := func(buffer int) matrix {
		b := &p.Buffers[buffer]
		return matrix{rows: b.Rows, cols: b.Cols, span: span{b.Place.Block, b.Place.Offset, b.Place.Offset + b.Bytes()}}
	}
	x := matrix{rows: 2, cols: 5}
	embed := instr{op: program.OpEmbed, in: []matrix{at(1), {rows: 5, cols: 4}}, out: []matrix{x}}
	entropy := instr{op: program.OpCrossEntropy, in: []matrix{at(1), x}, out: []matrix{x, x}}
	attend := instr{op: program.OpAttention, in: []matrix{x, x, x, at(1), at(2)}}
	cache := instr{op: program.OpCacheAppend, in: []matrix{x}, out: []matrix{{rows: 8, cols: 4}}}
	for _, c := range []struct {
		name        string
		in          instr
		first, last []int32
		scalars     program.Scalars
		err         string // "" is none
	}{
		{"ids", embed, []int32{4, 0}, nil, program.Scalars{}, ""},
		{"id too large", embed, []int32{0, 5}, nil, program.Scalars{}, "embed: token id of row 1 is 5, want 0 to 4"},
		{"id negative", embed, []int32{-1, 0}, nil, program.Scalars{}, "embed: token id of row 0 is -1"},
		{"no target", entropy, []int32{-1, 4}, nil, program.Scalars{}, ""},
		{"target too large", entropy, []int32{-1, 5}, nil, program.Scalars{}, "cross_entropy: target of row 1 is 5, want -1 to 4"},
		{"document", attend, []int32{0, 0}, []int32{1, 1}, program.Scalars{}, ""},
		{"document begins later", attend, []int32{1, 1}, []int32{1, 1}, program.Scalars{}, "first row of the document of row 0 is 1, want 0 to 0"},
		{"document ended before", attend, []int32{0, 0}, []int32{1, 0}, program.Scalars{}, "last row of the document of row 1 is 0, want 1 to 1"},
		{"cache is full", cache, nil, nil, program.Scalars{Past: 7, Tokens: 2}, "cache_append: 2 tokens of 2 rows after 7 do not fit a cache of 8"},
		{"cache just fits", cache, nil, nil, program.Scalars{Past: 6, Tokens: 2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newIntegers(p)
			for i, x := range [][]int32{c.first, c.last} {
				for r, v := range x {
					m.write(&p.Buffers[1+i], int64(4*r), binary.LittleEndian.AppendUint32(nil, uint32(v)))
				}
			}
			err := checksOf([]instr{c.in}).check(m, &c.scalars)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
