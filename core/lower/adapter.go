package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// adapted emits a linear with its adapter, if it has one, and returns what the
// backward rule needs: U, and DoRA's product before its magnitude.
//
// DoRA (Liu et al., 2024) is y = x·Wᵀ + bias + (m/n − 1)·W·drop(x) + m/n·U·Bᵀ with the norms n of W + s·B·A
// held constant. Without dropout that is z∘(m/n) + bias of z = x·Wᵀ + U·Bᵀ; with it, LoRA's y
// plus z∘(m/n − 1) of z = drop(x)·Wᵀ + U·Bᵀ.
func (f *function) adapted(i int, x, y program.Operand) (u, z program.Operand) {
	u = f.adapterDown(i, x)
	if !u.Given() || !f.l.Adapter.DoRA {
		f.linear(i, x, u, y)
		return u, absent
	}
	op := f.seg.Ops[i]
	z = f.local(fmt.Sprintf("%d.product", i), x.Rows, f.cols(y))
	weight, b := f.role(i, "weight", op.Weight), f.loraB(i)
	m, n := f.magnitudes(i)
	if f.dropout(i).P == 0 {
		f.emit(program.OpLinear, program.Attr{Scale: 1}, operands(x, weight, absent, u, b, absent), z)
		f.emit(program.OpMagnitude, program.Attr{Offset: 1}, operands(z, m, n, f.role(i, "bias", op.Bias)), y)
		return u, z
	}
	f.linear(i, x, u, y)
	f.emit(program.OpLinear, program.Attr{Scale: 1, Dropout: f.dropout(i)}, operands(x, weight, absent, u, b, f.index(i, x)), z)
	f.emit(program.OpMagnitude, program.Attr{Accumulate: true}, operands(z, m, n, absent), y)
	return u, z
}

// magnitudes are DoRA's m and n of operation i.
func (f *function) magnitudes(i int) (m, n program.Operand) {
	out := f.l.adapters[f.seg.Ops[i].Module].Out
	return f.param(fmt.Sprintf("%d.magnitude", i), dtype.F32, 1, out), f.param(fmt.Sprintf("%d.norm", i), dtype.F32, 1, out)
}

// adapterDown emits U = scale·drop(x)·Aᵀ where operation i has an adapter.
func (f *function) adapterDown(i int, x program.Operand) program.Operand {
	m, ok := f.l.adapters[f.seg.Ops[i].Module]
	if !ok {
		return absent
	}
	u := f.local(fmt.Sprintf("%d.u", i), f.rows, m.Rank)
	u.Rows = x.Rows
	f.emit(program.OpLinear, program.Attr{Scale: m.Scale, Adapter: true, Dropout: f.dropout(i)},
		operands(x, f.loraA(i), absent, absent, absent, f.index(i, x)), u)
	return u
}

// linear emits y = x·Wᵀ + bias + U·Bᵀ.
func (f *function) linear(i int, x, u, y program.Operand) {
	op := f.seg.Ops[i]
	b := absent
	if u.Given() {
		b = f.loraB(i)
	}
	f.emit(program.OpLinear, program.Attr{Scale: 1},
		operands(x, f.role(i, "weight", op.Weight), f.role(i, "bias", op.Bias), u, b, absent), y)
}

func (f *function) loraA(i int) program.Operand {
	m := f.l.adapters[f.seg.Ops[i].Module]
	return f.param(fmt.Sprintf("%d.lora_A", i), dtype.F32, m.Rank, m.In)
}

func (f *function) loraB(i int) program.Operand {
	m := f.l.adapters[f.seg.Ops[i].Module]
	return f.param(fmt.Sprintf("%d.lora_B", i), dtype.F32, m.Out, m.Rank)
}

func (f *function) dropout(i int) program.Dropout {
	if f.l.Adapter == nil || f.l.Adapter.Dropout == 0 {
		return program.Dropout{}
	}
	return program.Dropout{P: f.l.Adapter.Dropout, Module: f.l.ids[f.seg.Ops[i].Module] - f.l.firstModule(f.seg)}
}

// index is the tokens' index in the window, where dropout needs it; the rows
// are those of x.
func (f *function) index(i int, x program.Operand) program.Operand {
	if f.dropout(i).P == 0 {
		return absent
	}
	return rowsOf(f.token("index"), x.Row, x.Rows)
}

// linearGradients are what a linear's input gradient is made of.
type linearGradients struct {
	dy program.Operand // times W
	du program.Operand // times A, then drop'; absent without an adapter
	// dropped is DoRA's gradient of its product of drop(x): times W, then drop'; absent
	// where nothing is dropped.
	dropped program.Operand
}

// adaptedGrads emits the gradients of operation i's adapter.
func (f *function) adaptedGrads(i int, x, u, z, dy program.Operand) linearGradients {
	if !z.Given() {
		return linearGradients{dy, f.adapterGrad(i, x, u, dy), absent}
	}
	m, n := f.magnitudes(i)
	dz := f.local(fmt.Sprintf("%d.dproduct", i), dy.Rows, f.cols(z))
	dm := f.adapterRole(i, "magnitude", 1, f.cols(z))
	if f.dropout(i).P == 0 {
		f.emit(program.OpMagnitudeGrad, program.Attr{Offset: 1}, operands(dy, z, m, n), dz, dm)
		return linearGradients{dz, f.adapterGrad(i, x, u, dz), absent}
	}
	f.emit(program.OpMagnitudeGrad, program.Attr{}, operands(dy, z, m, n), dz, dm)
	both := f.local(fmt.Sprintf("%d.dadapter", i), dy.Rows, f.cols(z)) // of U·Bᵀ, which is in both terms
	f.emit(program.OpAdd, program.Attr{}, operands(dy, dz), both)
	return linearGradients{dy, f.adapterGrad(i, x, u, both), dz}
}

// adapterGrad emits dU = scale·dy·B, dB += dyᵀ·U and dA += dUᵀ·drop(x), and
// returns dU. U holds the scale already.
func (f *function) adapterGrad(i int, x, u, dy program.Operand) program.Operand {
	if !u.Given() {
		return absent
	}
	m := f.l.adapters[f.seg.Ops[i].Module]
	du := f.local(fmt.Sprintf("%d.du", i), f.rows, m.Rank)
	du.Rows = dy.Rows
	f.emit(program.OpLinearGrad, program.Attr{Scale: m.Scale}, operands(dy, f.loraB(i), absent, absent, absent), du)
	f.emit(program.OpLinearWeightGrad, program.Attr{}, operands(dy, u, absent), f.adapterRole(i, "lora_B", m.Out, m.Rank))
	f.emit(program.OpLinearWeightGrad, program.Attr{Dropout: f.dropout(i)}, operands(du, x, f.index(i, x)),
		f.adapterRole(i, "lora_A", m.Rank, m.In))
	return du
}

func (f *function) adapterRole(i int, role string, rows, cols int) program.Operand {
	return f.param(fmt.Sprintf("%d.%s.grad", i, role), dtype.F32, rows, cols)
}

// linearInputGrad emits dx = dy·W + drop'(dropped·W + dU·A).
func (f *function) linearInputGrad(i int, g linearGradients, dx program.Operand, accumulate bool) {
	op := f.seg.Ops[i]
	weight := f.role(i, "weight", op.Weight)
	attr := program.Attr{Scale: 1, Accumulate: accumulate}
	if g.dropped.Given() {
		f.emit(program.OpLinearGrad, attr, operands(g.dy, weight, absent, absent, absent), dx)
		masked := f.local(fmt.Sprintf("%d.dropped", i), dx.Rows, f.cols(dx))
		f.emit(program.OpLinearGrad, program.Attr{Scale: 1}, operands(g.dropped, weight, g.du, f.loraA(i), absent), masked)
		f.emit(program.OpDrop, program.Attr{Dropout: f.dropout(i), Accumulate: true}, operands(masked, f.index(i, dx)), dx)
		return
	}
	a, index := absent, absent
	if g.du.Given() {
		a, index, attr.Dropout = f.loraA(i), f.index(i, dx), f.dropout(i)
	}
	f.emit(program.OpLinearGrad, attr, operands(g.dy, weight, g.du, a, index), dx)
}
