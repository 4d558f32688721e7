package program

import (
	"fmt"

	"github.com/loraedge/loraedge/formats/dtype"
)

func (p *Program) checkEntry(e *Entry) error {
	if len(e.IO) != e.Micros {
		return fmt.Errorf("has the inputs of %d micro batches, wants %d", len(e.IO), e.Micros)
	}
	for i := range e.IO {
		if err := p.checkIO(&e.IO[i], e.Tokens); err != nil {
			return fmt.Errorf("inputs of micro batch %d: %w", i, err)
		}
	}
	for i := range e.Calls {
		c := &e.Calls[i]
		if c.Segment < 0 || c.Segment >= len(p.Segments) {
			return fmt.Errorf("call %d: there is no segment %d", i, c.Segment)
		}
		if err := p.checkCopies(c); err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
		if err := p.checkCall(&p.Segments[c.Segment], c.Args); err != nil {
			return fmt.Errorf("call %d of segment %d %q: %w", i, c.Segment, p.Segments[c.Segment].Name, err)
		}
	}
	return nil
}

func (p *Program) checkCopies(c *Call) error {
	for _, load := range c.Loads {
		if err := p.checkCopy("load", load); err != nil {
			return err
		}
		if !p.class(load.From).OfHost() || p.class(load.To).OfHost() {
			return fmt.Errorf("loads %q to %q, wants a buffer of the host and one of the device", p.Buffers[load.From].Name, p.Buffers[load.To].Name)
		}
	}
	for _, save := range c.Saves {
		if err := p.checkCopy("save", save); err != nil {
			return err
		}
		if p.class(save.From).OfHost() || p.class(save.To) != Parked {
			return fmt.Errorf("saves %q to %q, wants a buffer of the device and one for what is parked", p.Buffers[save.From].Name, p.Buffers[save.To].Name)
		}
	}
	return nil
}

func (p *Program) class(id BufferID) Class { return p.Blocks[p.Buffers[id].Place.Block].Class }

func (p *Program) checkCopy(verb string, c Copy) error {
	for _, id := range []BufferID{c.From, c.To} {
		if id < 0 || int(id) >= len(p.Buffers) {
			return fmt.Errorf("%ss from or to buffer %d, which is not there", verb, id)
		}
	}
	from, to := p.Buffers[c.From], p.Buffers[c.To]
	if from.DType != to.DType || from.Rows != to.Rows || from.Cols != to.Cols {
		return fmt.Errorf("%ss %q, %s [%d, %d], to %q, %s [%d, %d]", verb, from.Name, from.DType, from.Rows, from.Cols, to.Name, to.DType, to.Rows, to.Cols)
	}
	return nil
}

// checkParked follows what is saved through an entry: a load of a parked buffer
// finds what was saved to this buffer, by an earlier call or, in Backward, by the
// Forward of as many tokens.
func (p *Program) checkParked(e *Entry) error {
	there := map[BufferID]bool{}
	if e.Kind == Backward {
		for i := range p.Entries {
			if f := &p.Entries[i]; f.Kind == Forward && f.Tokens == e.Tokens {
				for _, c := range f.Calls {
					p.save(there, c.Saves)
				}
			}
		}
	}
	for i, c := range e.Calls {
		for _, load := range c.Loads {
			if p.class(load.From) == Parked && !there[load.From] {
				return fmt.Errorf("call %d: loads %q before anything is saved there", i, p.Buffers[load.From].Name)
			}
		}
		p.save(there, c.Saves)
	}
	return nil
}

// save adds buffers to those that hold what was saved, and takes those out over
// which they lie.
func (p *Program) save(there map[BufferID]bool, saves []Copy) {
	for _, s := range saves {
		to := p.whole(s.To)
		for id := range there {
			if p.whole(id).overlaps(to) {
				delete(there, id)
			}
		}
		there[s.To] = true
	}
}

// whole is a buffer's range of bytes.
func (p *Program) whole(id BufferID) span {
	b := &p.Buffers[id]
	return span{b.Place.Block, b.Place.Offset, b.Place.Offset + b.Bytes()}
}

func (p *Program) checkIO(io *IO, tokens int) error {
	for _, x := range []struct {
		name  string
		id    BufferID
		dtype dtype.DType
		cols  int // 0 for any
	}{
		{"ids", io.IDs, dtype.I32, 1}, {"positions", io.Positions, dtype.I32, 1},
		{"first", io.First, dtype.I32, 1}, {"last", io.Last, dtype.I32, 1},
		{"targets", io.Targets, dtype.I32, 1}, {"weights", io.Weights, dtype.F32, 1},
		{"index", io.Index, dtype.I32, 1}, {"order", io.Order, dtype.I32, 1},
		{"log probabilities", io.LogProbs, dtype.F32, 1}, {"logits", io.Logits, dtype.F32, 0},
	} {
		if x.id == -1 {
			continue
		}
		if x.id < 0 || int(x.id) >= len(p.Buffers) {
			return fmt.Errorf("%s: there is no buffer %d", x.name, x.id)
		}
		b := p.Buffers[x.id]
		if b.DType != x.dtype || b.Rows != tokens || x.cols != 0 && b.Cols != x.cols {
			return fmt.Errorf("%s: buffer %q is %s [%d, %d], wants %s with %d rows", x.name, b.Name, b.DType, b.Rows, b.Cols, x.dtype, tokens)
		}
	}
	return nil
}

func (p *Program) checkCall(s *Segment, args []BufferID) error {
	if len(args) != len(s.Params) {
		return fmt.Errorf("has %d arguments, wants %d", len(args), len(s.Params))
	}
	for i, id := range args {
		want := s.Params[i]
		if id < 0 || int(id) >= len(p.Buffers) {
			return fmt.Errorf("argument %d (%s): there is no buffer %d", i, want.Name, id)
		}
		b := p.Buffers[id]
		if p.class(id).OfHost() {
			return fmt.Errorf("argument %d (%s) is %q in the host's memory", i, want.Name, b.Name)
		}
		if b.DType != want.DType || b.Rows != want.Rows || b.Cols != want.Cols {
			return fmt.Errorf("argument %d (%s) is %s [%d, %d] (%q), wants %s [%d, %d]",
				i, want.Name, b.DType, b.Rows, b.Cols, b.Name, want.DType, want.Rows, want.Cols)
		}
	}
	for i := range s.Instrs {
		if err := p.checkOverlap(s, args, &s.Instrs[i]); err != nil {
			return fmt.Errorf("instruction %d (%s): %w", i, s.Instrs[i].Op, err)
		}
	}
	return nil
}

// span is a range of bytes of a block.
type span struct {
	block      int
	begin, end int64
}

func (a span) overlaps(b span) bool {
	return a.block == b.block && a.begin < b.end && b.begin < a.end
}

// checkOverlap finds outputs that lie over another operand of the instruction.
func (p *Program) checkOverlap(s *Segment, args []BufferID, in *Instr) error {
	sig := &signatures[in.Op]
	for i, o := range in.Out {
		out := p.span(s, args, o)
		for j, other := range in.Out[:i] {
			if out.overlaps(p.span(s, args, other)) {
				return fmt.Errorf("outputs %s and %s overlap in block %d at byte %d", sig.out[j].name, sig.out[i].name, out.block, out.begin)
			}
		}
		for j, other := range in.In {
			if !other.Given() {
				continue
			}
			x := p.span(s, args, other)
			if out.overlaps(x) && !(sig.inPlace && out == x) {
				return fmt.Errorf("output %s overlaps input %s in block %d at byte %d", sig.out[i].name, sig.in[j].name, out.block, out.begin)
			}
		}
	}
	return nil
}

func (p *Program) span(s *Segment, args []BufferID, o Operand) span {
	slot, at := p.Locate(s, args, o)
	begin := at.Offset + slot.DType.Bytes(o.Row, slot.Cols)
	return span{at.Block, begin, begin + slot.DType.Bytes(o.Rows, slot.Cols)}
}
