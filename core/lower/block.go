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
	noise  float32           // NEFTune's alpha on embeddings
	// products are, by op, DoRA's products before their magnitude.
	products []program.Operand
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
	f.products = make([]program.Operand, len(seg.Ops))
	f.grads = make([]program.Operand, len(seg.Ops)+1)
	f.uses = make([]int, len(seg.Ops)+1)
	for i := range f.grads {
		f.grads[i] = absent
	}
	for i, op := range seg.Ops {
		f.extra[i], f.products[i] = absent, absent
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
	case program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad, program.OpAttention, program.OpAttentionGrad:
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
		if f.noise != 0 {
			f.emit(program.OpNoise, program.Attr{Scale: f.noise}, operands(f.token("first"), f.token("last"), f.token("index")), y)
		}
	case graph.RMSNorm:
		w := f.role(i, "weight", op.Weight)
		f.extra[i] = f.local("rstd", f.rows, op.Columns/f.cols(w))
		f.emit(program.OpRMSNorm, program.Attr{Eps: op.Eps, Offset: op.Offset}, operands(in(0), w), f.result(i), f.extra[i])
	case graph.Linear:
		f.extra[i], f.products[i] = f.adapted(i, in(0), f.result(i))
	case graph.RoPE:
		var y program.Operand
		if f.narrowRoPE(op, false) {
			y = f.result(i)
		} else {
			y = f.inPlace(i, op.In[0])
		}
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
