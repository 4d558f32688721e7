package lower

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Optimizer names the rule of an update.
type Optimizer uint8

const (
	// AdamW keeps both moments in 32 bits.
	AdamW Optimizer = iota
	// AdamW8 keeps the moments of tensors of at least 4,096 elements in 8 bits,
	// but for embeddings'.
	AdamW8
	// SGD keeps one momentum.
	SGD
)

// moments are what the optimizer keeps of each element.
type moments struct {
	first, second program.BufferID // of the first wide elements
	wide          int64            // elements of the regions whose moments have 32 bits
	// Of the others, in 8 bits: codes, scales, and what the codes mean.
	codes1, codes2, scales, signed, unsigned program.BufferID
	narrow                                   int64
}

// allocateMoments gives the optimizer its memory; trained are in the order of
// the ranges, total is the regions' size.
func (l *lowerer) allocateMoments(trained []trainedTensor, total int64, region func(string, dtype.DType, int, int64) program.BufferID) {
	keep := func(name string, t dtype.DType, rows int, cols int64) program.BufferID {
		id := region(name, t, rows, cols)
		l.model.State = append(l.model.State, Region{name, id})
		return id
	}
	o := &l.moments
	o.wide = total
	if l.Optimizer == AdamW8 {
		o.wide = 0
		for i, t := range trained {
			if r := l.prog.Ranges[i]; t.wide() {
				o.wide = r.Offset + (r.Len+regionAlign-1)/regionAlign*regionAlign
			}
		}
		o.narrow = total - o.wide
	}
	// AdamW counts the updates, so it has a few elements even where it moves none.
	o.first = keep("first_moment", dtype.F32, 1, max(o.wide, regionAlign))
	if l.Optimizer != SGD {
		o.second = keep("second_moment", dtype.F32, 1, max(o.wide, regionAlign))
	}
	if o.narrow > 0 {
		o.codes1, o.codes2 = keep("first_moment_codes", dtype.I32, 1, o.narrow/4), keep("second_moment_codes", dtype.I32, 1, o.narrow/4)
		o.scales = keep("moment_scales", dtype.F32, 2, o.narrow/256)
		o.signed, o.unsigned = region("signed_codes", dtype.F32, 1, 256), region("unsigned_codes", dtype.F32, 1, 256)
		l.model.Consts = append(l.model.Consts, Const{o.signed, dtype.Dynamic[:]}, Const{o.unsigned, dtype.DynamicUnsigned[:]})
	}
}

// arguments binds the parameters of a segment while it is written.
type arguments struct {
	*code
	l    *lowerer
	args []program.BufferID
}

func (a *arguments) bind(id program.BufferID) program.Operand {
	b := a.l.prog.Buffers[id]
	if !slices.Contains(a.args, id) {
		a.args = append(a.args, id)
	}
	return a.param(fmt.Sprint(id), b.DType, b.Rows, b.Cols)
}

// updateEntry clips, applies the optimizer, clears the gradients and computes
// what follows from the new parameters.
func (l *lowerer) updateEntry() {
	a := &arguments{code: newCode(), l: l}
	o, m := &l.moments, l.model
	grads, opt := a.bind(m.Grads), a.bind(m.Optimizer)
	a.emit(program.OpGradNorm, program.Attr{}, operands(grads), opt)
	wide := max(o.wide, regionAlign)
	params, wideGrads := a.bind(l.part(m.Params, 0, wide)), a.bind(l.part(m.Grads, 0, wide))
	attr := program.Attr{Ranges: l.rangesBetween(0, o.wide)}
	if l.Optimizer == SGD {
		a.emit(program.OpSGD, attr, operands(wideGrads), params, a.bind(o.first), opt)
	} else {
		a.emit(program.OpAdamW, attr, operands(wideGrads), params, a.bind(o.first), a.bind(o.second), opt)
	}
	if o.narrow > 0 {
		end := o.wide + o.narrow
		narrow, narrowGrads := a.bind(l.part(m.Params, o.wide, end)), a.bind(l.part(m.Grads, o.wide, end))
		a.emit(program.OpAdamW8, program.Attr{Ranges: l.rangesBetween(o.wide, end)},
			operands(narrowGrads, a.bind(o.signed), a.bind(o.unsigned), opt), narrow, a.bind(o.codes1), a.bind(o.codes2), a.bind(o.scales))
	}
	a.emit(program.OpZero, program.Attr{}, nil, grads)
	seg, _, _ := a.segment("update", a.instrs, nil, l.arena) // has no locals to place
	l.prog.Segments = append(l.prog.Segments, seg)
	calls := []program.Call{{Segment: len(l.prog.Segments) - 1, Args: a.args}}
	l.prog.Entries = append(l.prog.Entries, program.Entry{Kind: program.Update, Calls: append(calls, l.refresh...)})
}

// part is elements from … to of a region.
func (l *lowerer) part(region program.BufferID, from, to int64) program.BufferID {
	b := l.prog.Buffers[region]
	if from == 0 && to == int64(b.Cols) {
		return region
	}
	return l.view(region, fmt.Sprintf("%s.%d", b.Name, from), from, 1, int(to-from))
}

// rangesBetween are the ranges of elements from … to, counted from there.
func (l *lowerer) rangesBetween(from, to int64) []program.Range {
	var ranges []program.Range
	for _, r := range l.prog.Ranges {
		if r.Offset >= from && r.Offset < to {
			r.Offset -= from
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// refreshEntry computes the norms of DoRA; modules of one shape share a segment.
func (l *lowerer) refreshEntry() {
	segments := map[string]int{}
	for _, seg := range l.graph.Segments() {
		for _, op := range seg.Ops {
			m, ok := l.adapters[op.Module]
			if !ok {
				continue
			}
			a := &arguments{code: newCode(), l: l}
			weight := l.onDevice(op.Weight)
			in := operands(a.bind(weight), a.bind(m.A), a.bind(m.B))
			a.emit(program.OpWeightNorm, program.Attr{Scale: m.Scale}, in, a.bind(m.Norm))
			key := fmt.Sprint(l.shapes[op.Weight], m.Rank, m.Scale, a.vars[in[0].Slot].DType)
			if _, ok := segments[key]; !ok {
				s, _, _ := a.segment("norm", a.instrs, nil, l.arena) // has no locals to place
				segments[key] = len(l.prog.Segments)
				l.prog.Segments = append(l.prog.Segments, s)
			}
			l.refresh = append(l.refresh, program.Call{Loads: l.stream.loadOf(weight), Segment: segments[key], Args: a.args})
		}
	}
	l.prog.Entries = append(l.prog.Entries, program.Entry{Kind: program.Refresh, Calls: l.refresh})
}
