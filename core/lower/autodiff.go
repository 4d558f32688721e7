package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// gradient is the residual stream's gradient, which backward code has in place.
func (f *function) gradient() program.Operand {
	return f.param(keyGradient, dtype.F32, f.rows, f.l.graph.Width)
}

// backward emits the gradients of operations to-1 … 0, given those of later values.
func (f *function) backward(to int) {
	for i := to - 1; i >= 0; i-- {
		if f.grads[i+1].Given() {
			f.backwardOp(i)
		}
	}
}

// finish makes the gradient of value 0 the residual stream's.
func (f *function) finish() {
	if g := f.grads[0]; g.Given() && g != f.gradient() {
		f.emit(program.OpCopy, program.Attr{}, operands(g), f.gradient())
	}
}

func (f *function) backwardOp(i int) {
	op := f.seg.Ops[i]
	dy := f.grads[i+1]
	in := func(k int) program.Operand { return f.values[op.In[k]] }
	switch op.Kind {
	case graph.Embedding:
		if dw := f.trained(i, "weight", op.Weight); dw.Given() {
			f.emit(program.OpEmbedGrad, program.Attr{Scale: op.Scale}, operands(f.token("ids"), f.token("order"), dy), dw)
		}
	case graph.RMSNorm:
		f.normGrad(i, dy)
	case graph.Linear:
		f.linearWeightGrads(i, in(0), dy)
		g := f.adaptedGrads(i, in(0), f.extra[i], f.products[i], dy)
		f.contribute(i, op.In[0], func(dx program.Operand, accumulate bool) {
			f.linearInputGrad(i, g, dx, accumulate)
		})
	case graph.RoPE:
		dx := dy
		if f.pending(i, graph.Value(i+1)) || f.narrowRoPE(op, true) {
			dx = f.local("gradient", f.rows, op.Columns)
		}
		f.emit(program.OpRoPE, ropeAttr(op, true), operands(dy, f.token("positions"), f.frequencies(op)), dx)
		f.pass(i, op.In[0], dx)
	case graph.Attention:
		dq, dk, dv := f.local("dq", f.rows, f.cols(in(0))), f.local("dk", f.rows, f.cols(in(1))), f.local("dv", f.rows, f.cols(in(2)))
		f.emit(program.OpAttentionGrad, attentionAttr(op),
			operands(in(0), in(1), in(2), f.values[i+1], f.extra[i], dy, f.token("first"), f.token("last")), dq, dk, dv)
		f.pass(i, op.In[0], dq)
		f.pass(i, op.In[1], dk)
		f.pass(i, op.In[2], dv)
	case graph.Gated:
		da, db := f.local("da", f.rows, op.Columns), f.local("db", f.rows, op.Columns)
		f.emit(program.OpGatedGrad, program.Attr{Activation: op.Activation}, operands(in(0), in(1), dy), da, db)
		f.pass(i, op.In[0], da)
		f.pass(i, op.In[1], db)
	case graph.Add:
		f.pass(i, op.In[0], dy)
		f.pass(i, op.In[1], dy)
	}
}

// pass adds a finished gradient to value v's. A first gradient is taken over
// as it is, so two values may share one storage.
func (f *function) pass(i int, v graph.Value, g program.Operand) {
	if !f.grads[v].Given() {
		f.grads[v] = g
		return
	}
	if f.pending(i, v) {
		sum := f.local("gradient", f.rows, f.cols(g))
		f.emit(program.OpAdd, program.Attr{}, operands(f.grads[v], g), sum)
		f.grads[v] = sum
		return
	}
	f.emit(program.OpAdd, program.Attr{}, operands(f.grads[v], g), f.grads[v])
}

// contribute lets emit write, or add, a gradient of value v.
func (f *function) contribute(i int, v graph.Value, emit func(dx program.Operand, accumulate bool)) {
	if f.grads[v].Given() && !f.pending(i, v) {
		emit(f.grads[v], true)
		return
	}
	var dx program.Operand
	if _, used := f.byKey[keyGradient]; v == 0 && !used {
		dx = f.gradient()
	} else {
		dx = f.local("gradient", f.rows, f.cols(f.values[v]))
	}
	emit(dx, false)
	f.pass(i, v, dx)
}

// pending says whether another value whose operation is still to come shares
// the storage of v's gradient: then it must not be changed.
func (f *function) pending(i int, v graph.Value) bool {
	for w := 0; w <= i; w++ {
		if graph.Value(w) != v && f.grads[w] == f.grads[v] {
			return true
		}
	}
	return false
}

// trained is the gradient of operation i's parameter, absent where it is frozen.
func (f *function) trained(i int, role, param string) program.Operand {
	if _, ok := f.l.grads[param]; !ok || param == "" {
		return absent
	}
	rows, cols := matrix(f.l.shapes[param])
	return f.param(fmt.Sprintf("%d.%s.grad", i, role), dtype.F32, rows, cols)
}

func (f *function) normGrad(i int, dy program.Operand) {
	op := f.seg.Ops[i]
	x, w := f.values[op.In[0]], f.role(i, "weight", op.Weight)
	if dw := f.trained(i, "weight", op.Weight); dw.Given() {
		f.emit(program.OpRMSNormWeightGrad, program.Attr{}, operands(x, f.extra[i], dy), dw)
	}
	f.contribute(i, op.In[0], func(dx program.Operand, accumulate bool) {
		f.emit(program.OpRMSNormGrad, program.Attr{Offset: op.Offset, Accumulate: accumulate},
			operands(x, w, f.extra[i], dy), dx)
	})
}

// linearWeightGrads emits dW += dyᵀ·x and dbias where the base is trained.
func (f *function) linearWeightGrads(i int, x, dy program.Operand) {
	op := f.seg.Ops[i]
	if dw := f.trained(i, "weight", op.Weight); dw.Given() {
		f.emit(program.OpLinearWeightGrad, program.Attr{}, operands(dy, x, absent), dw)
	}
	if db := f.trained(i, "bias", op.Bias); db.Given() {
		f.emit(program.OpBiasGrad, program.Attr{}, operands(dy), db)
	}
}
