package program_test

import (
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// small is y = x·wᵀ with a local between: linear, then add in place.
func small() *program.Program {
	f32 := func(name string, rows, cols, block int) program.Buffer {
		return program.Buffer{Name: name, DType: dtype.F32, Rows: rows, Cols: cols, Place: program.Place{Block: block}}
	}
	o := func(slot, rows int) program.Operand { return program.Operand{Slot: slot, Rows: rows} }
	none := program.Operand{Slot: program.None}
	index := program.Buffer{Name: "index", DType: dtype.I32, Rows: 2, Cols: 1, Place: program.Place{Block: 2, Offset: 256}}
	p := &program.Program{
		Blocks:  []program.Block{{Size: 256}, {Size: 256}, {Size: 512}},
		Buffers: []program.Buffer{f32("x", 2, 3, 0), f32("w", 4, 3, 1), f32("y", 2, 4, 2), index},
	}
	slot := func(b program.Buffer) program.Slot {
		return program.Slot{Name: b.Name, DType: b.DType, Rows: b.Rows, Cols: b.Cols}
	}
	seg := program.Segment{Name: "layer"}
	for _, b := range p.Buffers {
		seg.Params = append(seg.Params, slot(b))
	}
	seg.Locals = []program.Slot{{Name: "h", DType: dtype.F32, Rows: 2, Cols: 4, Place: program.Place{Block: 2, Offset: 256}}}
	seg.Instrs = []program.Instr{
		{Op: program.OpLinear, In: []program.Operand{o(0, 2), o(1, 4), none, none, none, none}, Out: []program.Operand{o(4, 2)}},
		{Op: program.OpCopy, In: []program.Operand{o(4, 2)}, Out: []program.Operand{o(2, 2)}},
		{Op: program.OpAdd, In: []program.Operand{o(2, 2), o(4, 2)}, Out: []program.Operand{o(2, 2)}},
	}
	p.Segments = []program.Segment{seg}
	io := program.IO{IDs: -1, Positions: -1, First: -1, Last: -1, Targets: -1, Weights: -1, Index: 3, Order: -1, LogProbs: -1, Logits: -1}
	p.Entries = []program.Entry{{Tokens: 2, Micros: 1, IO: []program.IO{io}, Calls: []program.Call{{Args: []program.BufferID{0, 1, 2, 3}}}}}
	return p
}

func TestCheckAccepts(t *testing.T) {
	if err := small().Check(); err != nil {
		t.Fatal(err)
	}
}

func TestCheckRefuses(t *testing.T) {
	seg := func(p *program.Program) *program.Segment { return &p.Segments[0] }
	instr := func(p *program.Program, i int) *program.Instr { return &p.Segments[0].Instrs[i] }
	for _, c := range []struct {
		name   string
		damage func(*program.Program)
		want   string
	}{
		{"buffer beyond its block", func(p *program.Program) { p.Buffers[1].Place.Offset = 256 }, `buffer 1 "w": is 48 bytes at byte 256 of block 1, which has 256`},
		{"buffer in no block", func(p *program.Program) { p.Buffers[0].Place.Block = 3 }, "is in block 3, and the program has 3 blocks"},
		{"buffer off the alignment", func(p *program.Program) { p.Buffers[0].Place.Offset = 4 }, "not on a boundary of 256"},
		{"empty buffer", func(p *program.Program) { p.Buffers[0].Rows = 0 }, "has shape [0, 3]"},
		{"buffer of another type", func(p *program.Program) { p.Buffers[0].DType = dtype.F64 }, "has type F64"},
		{"local beyond its block", func(p *program.Program) { seg(p).Locals[0].Place.Offset = 512 }, `segment 0 "layer": local 0 "h"`},
		{"unknown instruction", func(p *program.Program) { instr(p, 1).Op = 200 }, "no instruction with code 200"},
		{"missing operands", func(p *program.Program) { instr(p, 0).In = instr(p, 0).In[:2] }, "instruction 0 (linear): has 2 inputs and 1 outputs, wants 6 and 1"},
		{"absent operand", func(p *program.Program) { instr(p, 0).In[1].Slot = program.None }, "input 1 (w) is absent"},
		{"slot out of range", func(p *program.Program) { instr(p, 0).In[0].Slot = 5 }, "names slot 5 of 5"},
		{"rows out of range", func(p *program.Program) { instr(p, 0).In[1].Row = 1 }, `names rows 1 to 4 of "w", which has 4`},
		{"wrong type", func(p *program.Program) { instr(p, 0).In[5] = program.Operand{Slot: 0, Rows: 2} }, `input 5 (index) is F32 ("x"), wants I32`},
		{"wrong shape", func(p *program.Program) { seg(p).Params[1].Cols = 5 }, `input 1 (w) is [4, 5] ("w"), wants [O, I] with I = 3`},
		{"u without b", func(p *program.Program) { instr(p, 0).In[3] = program.Operand{Slot: 0, Rows: 2} }, "has only one of u and b"},
		{"dropout without index", func(p *program.Program) { instr(p, 0).Attr.Dropout.P = 0.1 }, "the operand index is absent"},
		{"dropout of everything", func(p *program.Program) { instr(p, 0).Attr.Dropout.P = 1 }, "drops with probability 1"},
		{"dropout of a copy", func(p *program.Program) { instr(p, 1).Attr.Dropout.P = 0.5 }, "has no dropout"},
		{"accumulating copy", func(p *program.Program) { instr(p, 1).Attr.Accumulate = true }, "cannot accumulate"},
		{"unknown activation", func(p *program.Program) { instr(p, 2).Op = program.OpGated }, `has activation ""`},
		{"missing segment", func(p *program.Program) { p.Entries[0].Calls[0].Segment = 1 }, "entry 0: call 0: there is no segment 1"},
		{"missing argument", func(p *program.Program) { p.Entries[0].Calls[0].Args = nil }, "has 0 arguments, wants 4"},
		{"argument that does not exist", func(p *program.Program) { p.Entries[0].Calls[0].Args[2] = 9 }, "there is no buffer 9"},
		{"argument of another shape", func(p *program.Program) { p.Entries[0].Calls[0].Args[2] = 0 }, `argument 2 (y) is F32 [2, 3] ("x"), wants F32 [2, 4]`},
		{"inputs of no micro batch", func(p *program.Program) { p.Entries[0].IO = nil }, "has the inputs of 0 micro batches, wants 1"},
		{"input of the wrong length", func(p *program.Program) { p.Entries[0].Tokens = 3 }, `index: buffer "index" is I32 [2, 1], wants I32 with 3 rows`},
		{"output over an input", func(p *program.Program) { p.Buffers[2].Place.Offset = 256 }, "instruction 1 (copy): output y overlaps input x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			c.damage(p)
			err := p.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}

// parked is small with its x saved after a Forward and loaded again in Backward.
func parked() *program.Program {
	p := small()
	p.Blocks = append(p.Blocks, program.Block{Class: program.Parked, Size: 256})
	x := p.Buffers[0]
	x.Name, x.Place.Block = "away", 3
	p.Buffers = append(p.Buffers, x)
	backward := p.Entries[0]
	backward.Kind = program.Backward
	backward.Calls = []program.Call{backward.Calls[0]}
	backward.Calls[0].Loads = []program.Copy{{From: 4, To: 0}}
	p.Entries[0].Calls[0].Saves = []program.Copy{{From: 0, To: 4}}
	p.Entries = append(p.Entries, backward)
	return p
}

func TestCheckCopies(t *testing.T) {
	if err := parked().Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		damage func(p *program.Program, forward, backward *program.Call)
		want   string
	}{
		{"never saved", func(_ *program.Program, f, _ *program.Call) { f.Saves = nil }, `entry 1: call 0: loads "away" before anything is saved there`},
		{"saved in an entry of another length", func(p *program.Program, _, _ *program.Call) {
			p.Entries[0].Tokens, p.Entries[0].IO[0] = 3, program.IO{IDs: -1, Positions: -1, First: -1, Last: -1, Targets: -1, Weights: -1, Index: -1, Order: -1, LogProbs: -1, Logits: -1}
		}, "before anything is saved"},
		{"saved to other bytes of the place", func(p *program.Program, f, _ *program.Call) {
			p.Buffers = append(p.Buffers, p.Buffers[4])
			f.Saves = append(f.Saves, program.Copy{From: 0, To: 5})
		}, "before anything is saved"},
		{"loaded in another kind of entry", func(p *program.Program, _, _ *program.Call) { p.Entries[1].Kind = program.Score }, "before anything is saved"},
		{"saved after it is loaded", func(p *program.Program, f, b *program.Call) {
			b.Saves, f.Saves = f.Saves, nil
		}, "before anything is saved"},
		{"saved to frozen weights", func(p *program.Program, _, _ *program.Call) { p.Blocks[3].Class = program.Host }, `saves "x" to "away", wants a buffer of the device and one for what is parked`},
		{"saved on the device", func(_ *program.Program, f, _ *program.Call) { f.Saves[0].To = 0 }, `saves "x" to "x", wants`},
		{"saved from the host", func(_ *program.Program, f, _ *program.Call) { f.Saves[0].From = 4 }, `saves "away" to "away", wants`},
		{"loaded from the device", func(_ *program.Program, _, b *program.Call) { b.Loads[0].From = 0 }, `loads "x" to "x", wants a buffer of the host`},
		{"another shape", func(_ *program.Program, f, _ *program.Call) { f.Saves[0].From = 2 }, `saves "y", F32 [2, 4], to "away", F32 [2, 3]`},
		{"a buffer that is not there", func(_ *program.Program, f, _ *program.Call) { f.Saves[0].To = 9 }, "saves from or to buffer 9, which is not there"},
		{"an argument that is parked", func(_ *program.Program, f, _ *program.Call) { f.Args[0] = 4 }, `argument 0 (x) is "away" in the host's memory`},
		{"a local that is parked", func(p *program.Program, _, _ *program.Call) { p.Segments[0].Locals[0].Place = program.Place{Block: 3} }, `local 0 "h" is in the host's memory`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parked()
			c.damage(p, &p.Entries[0].Calls[0], &p.Entries[1].Calls[0])
			err := p.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}

func TestCheckNarrow(t *testing.T) {
	const bf16 = dtype.BF16
	for _, c := range []struct {
		name   string
		change func(p *program.Program, linear *program.Instr)
		want   string // "" where it is allowed
	}{
		{"a factor as it is rounded", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Params[0].DType, p.Buffers[0].DType, l.Attr.Compute = bf16, bf16, bf16
		}, ""},
		{"a factor of another type", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Params[0].DType, l.Attr.Compute = bf16, dtype.F16
		}, `instruction 0 (linear): input 0 (x) is BF16 ("x"), and products are computed in F16`},
		{"a factor that is not rounded", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Params[0].DType = bf16
		}, `input 0 (x) is BF16 ("x"), and products are computed in F32`},
		{"a sum that is read as it is", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Locals[0].DType = bf16
		}, `instruction 1 (copy): input 0 (x) is BF16 ("h"), wants F32`},
		{"a result", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Locals[0].DType, p.Segments[0].Instrs = bf16, p.Segments[0].Instrs[:1]
		}, ""},
		{"a result to add to", func(p *program.Program, l *program.Instr) {
			p.Segments[0].Locals[0].DType, l.Attr.Accumulate = bf16, true
		}, `instruction 0 (linear): output 0 (y) is BF16 ("h"), wants F32 to add to`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			c.change(p, &p.Segments[0].Instrs[0])
			err := p.Check()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}

func TestCheckAttributes(t *testing.T) {
	for _, c := range []struct {
		name string
		attr program.Attr
		op   program.Op
		cols int
		want string
	}{
		{"heads do not divide", program.Attr{Heads: 3, KVHeads: 2, HeadDim: 4}, program.OpAttentionCached, 12, "has 3 heads over 2 key heads"},
		{"no heads", program.Attr{HeadDim: 4}, program.OpRoPE, 12, "has 0 heads of 4 columns"},
		{"heads do not fill the row", program.Attr{Heads: 2, KVHeads: 2, HeadDim: 4}, program.OpAttentionCached, 12, "Heads·HeadDim = 8"},
		{"negative window", program.Attr{Heads: 3, KVHeads: 3, HeadDim: 4, Window: -1}, program.OpAttentionCached, 12, "has window -1"},
		{"rounds where nothing does", program.Attr{Heads: 3, KVHeads: 3, HeadDim: 4, Compute: dtype.BF16}, program.OpAttentionCached, 12, "cannot compute in BF16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := program.Slot{Name: "x", DType: dtype.F32, Rows: 1, Cols: c.cols}
			i := program.Slot{Name: "i", DType: dtype.I32, Rows: 1, Cols: 1}
			o := func(s int) program.Operand { return program.Operand{Slot: s, Rows: 1} }
			in := []program.Operand{o(0), o(0), o(0)}
			if c.op == program.OpRoPE {
				in[1] = o(2)
			}
			p := &program.Program{Segments: []program.Segment{{
				Params: []program.Slot{x, x, i},
				Instrs: []program.Instr{{Op: c.op, In: in, Out: []program.Operand{o(1)}, Attr: c.attr}},
			}}}
			err := p.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}

func TestCheckRanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		ranges []program.Range
		want   string
	}{
		{"off the boundary", []program.Range{{Name: "a", Offset: 8, Len: 4}}, "begins at element 8"},
		{"overlapping", []program.Range{{Name: "a", Len: 300}, {Name: "b", Offset: 256, Len: 4}}, `range "b" begins at element 256: wants a multiple of 256 from 300 on`},
		{"too long", []program.Range{{Name: "a", Offset: 256, Len: 257}}, "has elements 256 to 512 of 512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := program.Slot{DType: dtype.F32, Rows: 1, Cols: 512}
			o := func(s int) program.Operand { return program.Operand{Slot: s, Rows: 1} }
			p := &program.Program{Segments: []program.Segment{{
				Params: []program.Slot{n, n, n, n, {DType: dtype.F32, Rows: 1, Cols: 4}},
				Instrs: []program.Instr{{
					Op: program.OpAdamW, In: []program.Operand{o(0)}, Out: []program.Operand{o(1), o(2), o(3), o(4)},
					Attr: program.Attr{Ranges: c.ranges},
				}},
			}}}
			err := p.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}
