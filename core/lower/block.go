package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// function is a graph segment as code: its values, and what the backward
// rules need of the forward ones. Parameters are bound by role ("3.weight" is
// the weight of operation 3), so that all blocks of one shape share the code.
type function struct {
	*code
	l    *lowerer
	seg  graph.Segment
	rows int

	values []program.Operand // by graph.Value
	uses   []int             // how many operations read each value
	extra  []program.Operand // by op: rstd of a norm, lse of an attention, U of an adapter
	grads  []program.Operand // by graph.Value; Slot None where there is none yet
	cached bool              // attention over a KV cache
}

// Keys of what a call binds besides parameters.
const (
	keyIn       = "in"   // the residual stream that enters
	keyOut      = "out"  // the residual stream that leaves
	keyGradient = "grad" // gradient of the residual stream, in place
)

func (l *lowerer) newFunction(seg graph.Segment, rows int) *function {
	f := &function{code: newCode(), l: l, seg: seg, rows: rows}
	f.values = make([]program.Operand, len(seg.Ops)+1)
	f.extra = make([]program.Operand, len(seg.Ops))
	f.grads = make([]program.Operand, len(seg.Ops)+1)
	f.uses = make([]int, len(seg.Ops)+1)
	for i := range f.grads {
		f.grads[i] = absent
	}
	for i, op := range seg.Ops {
		f.extra[i] = absent
		for _, v := range op.In {
			f.uses[v]++
		}
	}
	return f
}

// input makes value 0 the residual stream.
func (f *function) input() {
	f.values[0] = f.param(keyIn, dtype.F32, f.rows, f.l.graph.Width)
}

func (f *function) token(name string) program.Operand {
	return f.param("io."+name, dtype.I32, f.rows, 1)
}

// role is the variable of operation i's parameter, absent where it has none.
func (f *function) role(i int, role, param string) program.Operand {
	if param == "" {
		return absent
	}
	rows, cols := matrix(f.l.shapes[param])
	return f.param(fmt.Sprintf("%d.%s", i, role), f.l.stored(param), rows, cols)
}

// emit is code's, with the type that products compute in.
func (f *function) emit(op program.Op, attr program.Attr, in []program.Operand, out ...program.Operand) {
	switch op {
	case program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad:
		attr.Compute = f.l.Compute
	}
	f.code.emit(op, attr, in, out...)
}

// forward emits operations from … to.
func (f *function) forward(from, to int) {
	for i := from; i < to; i++ {
		f.forwardOp(i)
	}
}

func (f *function) forwardOp(i int) {
	op := f.seg.Ops[i]
	in := func(k int) program.Operand { return f.values[op.In[k]] }
	switch op.Kind {
	case graph.Embedding:
		y := f.result(i)
		f.emit(program.OpEmbed, program.Attr{Scale: op.Scale}, operands(f.token("ids"), f.role(i, "weight", op.Weight)), y)
	case graph.RMSNorm:
		w := f.role(i, "weight", op.Weight)
		f.extra[i] = f.local("rstd", f.rows, op.Columns/f.cols(w))
		f.emit(program.OpRMSNorm, program.Attr{Eps: op.Eps, Offset: op.Offset}, operands(in(0), w), f.result(i), f.extra[i])
	case graph.Linear:
		f.extra[i] = f.adapterDown(i, in(0))
		f.linear(i, in(0), f.extra[i], f.result(i))
	case graph.RoPE:
		y := f.inPlace(i, op.In[0])
		f.emit(program.OpRoPE, ropeAttr(op, false), operands(in(0), f.token("positions"), f.frequencies(op)), y)
	case graph.Attention:
		f.attention(i)
	case graph.Gated:
		f.emit(program.OpGated, program.Attr{Activation: op.Activation}, operands(in(0), in(1)), f.result(i))
	case graph.Add:
		f.add(i)
	}
}

// result is a new local for operation i's value.
func (f *function) result(i int) program.Operand {
	op := f.seg.Ops[i]
	f.values[i+1] = f.local(fmt.Sprintf("%d.%s", i, op.Kind), f.rows, op.Columns)
	return f.values[i+1]
}

// inPlace reuses the storage of value v for operation i's result, where nobody
// reads v again: neither another operation nor the backward rule of its producer.
func (f *function) inPlace(i int, v graph.Value) program.Operand {
	if v > 0 && f.uses[v] == 1 && f.seg.Ops[v-1].Kind != graph.Attention {
		f.values[i+1] = f.values[v]
		return f.values[v]
	}
	return f.result(i)
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
	return program.Dropout{P: f.l.Adapter.Dropout, Module: f.l.ids[f.seg.Ops[i].Module]}
}

// index is the tokens' index in the window, where dropout needs it; the rows
// are those of x.
func (f *function) index(i int, x program.Operand) program.Operand {
	if f.dropout(i).P == 0 {
		return absent
	}
	return rowsOf(f.token("index"), x.Row, x.Rows)
}

func (f *function) frequencies(op graph.Op) program.Operand {
	id := f.l.consts[fmt.Sprint(op.InvFreq)]
	return f.param(fmt.Sprintf("const.%d", id), dtype.F32, 1, len(op.InvFreq))
}

func ropeAttr(op graph.Op, inverse bool) program.Attr {
	return program.Attr{
		Scale: op.Scale, Heads: op.Heads, HeadDim: op.HeadDim,
		Interleaved: op.Interleaved, Inverse: inverse,
	}
}

func attentionAttr(op graph.Op) program.Attr {
	return program.Attr{
		Scale: op.Scale, Heads: op.Heads, KVHeads: op.KVHeads, HeadDim: op.HeadDim,
		Window: op.Window, SoftCap: op.SoftCap,
	}
}

func (f *function) attention(i int) {
	op := f.seg.Ops[i]
	q, k, v := f.values[op.In[0]], f.values[op.In[1]], f.values[op.In[2]]
	y := f.result(i)
	if f.cached {
		kc := f.param(fmt.Sprintf("%d.key_cache", i), dtype.F32, f.l.Cache, f.cols(k))
		vc := f.param(fmt.Sprintf("%d.value_cache", i), dtype.F32, f.l.Cache, f.cols(v))
		f.emit(program.OpCacheAppend, program.Attr{}, operands(k), kc)
		f.emit(program.OpCacheAppend, program.Attr{}, operands(v), vc)
		f.emit(program.OpAttentionCached, attentionAttr(op), operands(q, kc, vc), y)
		return
	}
	f.extra[i] = f.local("lse", f.rows, op.Heads)
	f.emit(program.OpAttention, attentionAttr(op), operands(q, k, v, f.token("first"), f.token("last")), y, f.extra[i])
}

// add writes over an input that nobody reads again, if there is one.
func (f *function) add(i int) {
	op := f.seg.Ops[i]
	a, b := op.In[0], op.In[1]
	if !(a > 0 && f.uses[a] == 1) {
		a, b = b, a
	}
	va, vb := f.values[a], f.values[b]
	f.emit(program.OpAdd, program.Attr{}, operands(va, vb), f.inPlace(i, a))
}
