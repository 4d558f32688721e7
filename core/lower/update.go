package lower

import (
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// updateEntry clips, applies the optimizer and clears the gradients.
func (l *lowerer) updateEntry() {
	n := l.prog.Buffers[l.model.Params].Cols
	c := newCode()
	region := func(name string) program.Operand { return c.param(name, dtype.F32, 1, n) }
	params, grads, m, v := region("params"), region("grads"), region("first_moment"), region("second_moment")
	opt := c.param("optimizer", dtype.F32, 1, 4)
	c.emit(program.OpGradNorm, program.Attr{}, operands(grads), opt)
	c.emit(program.OpAdamW, program.Attr{Ranges: l.prog.Ranges}, operands(grads), params, m, v, opt)
	c.emit(program.OpZero, program.Attr{}, nil, grads)
	seg, _, _ := c.segment("update", c.instrs, nil, l.arena) // has no locals to place
	l.prog.Segments = append(l.prog.Segments, seg)
	l.prog.Entries = append(l.prog.Entries, program.Entry{Kind: program.Update, Calls: []program.Call{{
		Segment: len(l.prog.Segments) - 1,
		Args: []program.BufferID{
			l.model.Params, l.model.Grads, l.model.FirstMoment, l.model.SecondMoment, l.model.Optimizer,
		},
	}}})
}
