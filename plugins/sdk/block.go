package sdk

import (
	"math"

	"github.com/loraedge/loraedge/core/graph"
)

// Block builds one segment of a model. Every method adds an operation and
// returns its result, [T, columns].
type Block struct {
	model   *Model
	segment *graph.Segment // nil for block number index, whose place may move
	index   int
	prefix  string
}

func (b *Block) ops() *graph.Segment {
	if b.segment != nil {
		return b.segment
	}
	return &b.model.graph.Blocks[b.index]
}

func (b *Block) add(op graph.Op) graph.Value {
	s := b.ops()
	s.Ops = append(s.Ops, op)
	return graph.Value(len(s.Ops))
}

func (b *Block) param(name string, shape ...int) string { return b.model.param(name, shape...) }

// columns of a value; the input of every segment but embed is the residual
// stream. A value that does not exist has none, which the check then reports.
func (b *Block) columns(v graph.Value) int {
	ops := b.ops().Ops
	switch {
	case v == 0:
		return b.model.graph.Width
	case v < 0 || int(v) > len(ops):
		return 0
	}
	return ops[v-1].Columns
}

// RMSNorm is x / sqrt(mean(x²) + eps) · weight over whole rows.
func (b *Block) RMSNorm(x graph.Value, module string, eps float32, options ...Option) graph.Value {
	return b.HeadNorm(x, module, b.columns(x), eps, options...)
}

// HeadNorm is RMSNorm over each group of columns (each head) alike.
func (b *Block) HeadNorm(x graph.Value, module string, columns int, eps float32, options ...Option) graph.Value {
	o := apply(options)
	module = b.prefix + module
	return b.add(graph.Op{
		Kind: graph.RMSNorm, Module: module, In: []graph.Value{x}, Columns: b.columns(x),
		Weight: b.param(module+".weight", columns), Eps: eps, Offset: o.offset,
	})
}

// Linear is x·Wᵀ, W [columns, columns of x]. With Bias there is a bias; with
// TiedTo the weight is another module's.
func (b *Block) Linear(x graph.Value, module string, columns int, options ...Option) graph.Value {
	o := apply(options)
	module = b.prefix + module
	op := graph.Op{Kind: graph.Linear, Module: module, In: []graph.Value{x}, Columns: columns}
	owner := module
	if o.tied != "" {
		owner = o.tied
	}
	op.Weight = b.param(owner+".weight", columns, b.columns(x))
	if o.bias {
		op.Bias = b.param(module+".bias", columns)
	}
	return b.add(op)
}

// Rope says how heads are rotated.
type Rope struct {
	HeadDim int
	// InvFreq has one frequency a rotated pair, in radians a position.
	InvFreq []float32
	// Scale is the attention factor; 1 but for YaRN and LongRoPE.
	Scale       float32
	Interleaved bool
}

// RoPE rotates the heads of x by their positions.
func (b *Block) RoPE(x graph.Value, r Rope) graph.Value {
	heads := 0
	if r.HeadDim > 0 {
		heads = b.columns(x) / r.HeadDim
	}
	return b.add(graph.Op{
		Kind: graph.RoPE, In: []graph.Value{x}, Columns: b.columns(x), Heads: heads, HeadDim: r.HeadDim,
		InvFreq: r.InvFreq, Scale: r.Scale, Interleaved: r.Interleaved,
	})
}

// Heads says how attention is laid out.
type Heads struct {
	// Query and Key are the numbers of query heads and of key and value heads.
	Query, Key int
	// Dim is the number of columns of a head.
	Dim int
	// Scale multiplies the scores; 0 stands for 1/√Dim.
	Scale float32
	// Window is the number of keys that a query sees, itself included; 0: all.
	Window int
	// SoftCap bounds the scores by cap·tanh(score/cap); 0: not.
	SoftCap float32
}

// Attention is causal attention of query, key and value.
func (b *Block) Attention(query, key, value graph.Value, h Heads) graph.Value {
	scale := h.Scale
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(h.Dim)))
	}
	return b.add(graph.Op{
		Kind: graph.Attention, In: []graph.Value{query, key, value}, Columns: b.columns(query),
		Heads: h.Query, KVHeads: h.Key, HeadDim: h.Dim, Scale: scale, Window: h.Window, SoftCap: h.SoftCap,
	})
}

// Gated is activation(gate) · up.
func (b *Block) Gated(activation string, gate, up graph.Value) graph.Value {
	return b.add(graph.Op{
		Kind: graph.Gated, In: []graph.Value{gate, up}, Columns: b.columns(gate), Activation: activation,
	})
}

// Add is x + y.
func (b *Block) Add(x, y graph.Value) graph.Value {
	return b.add(graph.Op{Kind: graph.Add, In: []graph.Value{x, y}, Columns: b.columns(x)})
}

// Option changes a module.
type Option func(*options)

type options struct {
	bias   bool
	tied   string
	offset float32
}

func apply(list []Option) options {
	var o options
	for _, f := range list {
		f(&o)
	}
	return o
}

// Bias gives a Linear a bias where given is true.
func Bias(given bool) Option { return func(o *options) { o.bias = given } }

// TiedTo makes a Linear read the weight of another module, by its whole name.
func TiedTo(module string) Option { return func(o *options) { o.tied = module } }

// Offset is added to the weight of an RMSNorm: 1 for Gemma.
func Offset(offset float32) Option { return func(o *options) { o.offset = offset } }
