package vulkan

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
)

// resolve flattens the calls of an entry into one list of instructions, with
// addresses in blocks that begin at bases.
func resolve(p *program.Program, e *program.Entry, bases []uint64) []instr {
	var list []instr
	for n, call := range e.Calls {
		for _, l := range call.Loads {
			list = append(list, copyOf(p, l, n, false))
		}
		seg := &p.Segments[call.Segment]
		place := func(operands []program.Operand) []matrix {
			all := make([]matrix, len(operands))
			for i, o := range operands {
				if !o.Given() {
					continue
				}
				slot, at := p.Locate(seg, call.Args, o)
				begin := at.Offset + slot.DType.Bytes(o.Row, slot.Cols)
				all[i] = matrix{
					dtype: slot.DType, rows: o.Rows, cols: slot.Cols, address: bases[at.Block] + uint64(begin),
					span: span{at.Block, begin, begin + slot.DType.Bytes(o.Rows, slot.Cols)},
				}
			}
			return all
		}
		for i := range seg.Instrs {
			in := &seg.Instrs[i]
			list = append(list, instr{op: in.Op, in: place(in.In), out: place(in.Out), attr: call.Attr(in), call: n})
		}
		for _, s := range call.Saves {
			list = append(list, copyOf(p, s, n, true))
		}
	}
	return list
}

// copyOf is a load or a save.
func copyOf(p *program.Program, c program.Copy, call int, save bool) instr {
	return instr{load: &load{spanOf(&p.Buffers[c.From]), spanOf(&p.Buffers[c.To]), save}, call: call}
}

func spanOf(b *program.Buffer) span {
	return span{b.Place.Block, b.Place.Offset, b.Place.Offset + b.Bytes()}
}

// work is an instruction's dispatches, or a load, and what it touches.
type work struct {
	call          int
	load          *load
	dispatches    []dispatch
	reads, writes []span
}

// lowering turns entries into dispatches.
type lowering struct {
	device                   *device
	scalars, tables, scratch uint64
	// scratchBytes is the most that an instruction wanted.
	scratchBytes int64
}

func (l *lowering) entry(list []instr) ([]work, error) {
	var all []work
	for i := range list {
		in := &list[i]
		if in.load != nil {
			all = append(all, work{call: in.call, load: in.load, reads: []span{in.load.from}, writes: []span{in.load.to}})
			continue
		}
		lower := lowerings[in.op]
		if lower == nil {
			return nil, fmt.Errorf("instruction %s is not there in the Vulkan backend", in.op)
		}
		k := &kernels{info: &l.device.Info, scalars: l.scalars, tables: l.tables, scratchAddress: l.scratch, matrices: l.device.matrices, forceTile: l.device.forceTile}
		err := in.countable()
		if err == nil {
			err = lower(k, in)
		}
		if err != nil {
			return nil, fmt.Errorf("instruction %s: %w", in.op, err)
		}
		w := work{call: in.call, dispatches: k.list}
		for _, m := range in.in {
			if m.given() {
				w.reads = append(w.reads, m.span)
			}
		}
		// An output may be read too, where it accumulates.
		for _, m := range in.out {
			w.writes = append(w.writes, m.span)
		}
		if k.scratchBytes > 0 {
			w.writes = append(w.writes, span{scratchBlock, 0, k.scratchBytes})
			l.scratchBytes = max(l.scratchBytes, k.scratchBytes)
		}
		all = append(all, w)
	}
	return all, nil
}

// hazards finds where a barrier is needed: at an instruction that touches what
// one after the last barrier wrote, or writes what one read.
type hazards struct{ reads, writes []span }

func (h *hazards) needsBarrier(w *work) bool {
	conflict := w.conflicts(&work{reads: h.reads, writes: h.writes})
	if conflict {
		h.reads, h.writes = h.reads[:0], h.writes[:0]
	}
	h.reads, h.writes = append(h.reads, w.reads...), append(h.writes, w.writes...)
	return conflict
}

func anyOverlap(a, b []span) bool {
	for _, x := range a {
		for _, y := range b {
			if x.overlaps(y) {
				return true
			}
		}
	}
	return false
}
