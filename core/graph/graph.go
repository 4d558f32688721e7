package graph

// Graph is a decoder-only language model.
type Graph struct {
	// Architecture is the name by which the plugin knows the model ("llama").
	Architecture string
	// Vocab is the number of rows of the embedding and of the head.
	Vocab int
	// Width is the number of columns of the residual stream.
	Width int
	// MaxPositions is the longest context the model was made for, in tokens.
	MaxPositions int

	// Embed reads token ids; its output is [T, Width].
	Embed Segment
	// Blocks each map [T, Width] to [T, Width].
	Blocks []Segment
	// Head maps [T, Width] to logits [T, Vocab]; its last operation is Linear.
	Head Segment

	// Params are all parameters that operations name, in file order.
	Params []Param
}

// Segments are embed, blocks and head, in the order in which they run.
func (g *Graph) Segments() []Segment {
	all := append([]Segment{g.Embed}, g.Blocks...)
	return append(all, g.Head)
}

// Param is a parameter and where in the model's files it is found.
type Param struct {
	// Name is the parameter's name, unique in the graph: the Hugging Face
	// tensor name without the architecture's own additions.
	Name string
	// Shape is what operations see: [rows, columns], or [columns] for vectors.
	Shape []int
	// Tensor is the name of the tensor in the file.
	Tensor string
	// Transpose says that the file has [columns, rows].
	Transpose bool
	// FirstRow is where the parameter begins in a longer tensor.
	FirstRow int
}

// Value numbers an activation inside a segment: 0 is the segment's input,
// i+1 is the result of operation i.
type Value int

// Segment is a straight line of operations; the last one's result leaves it.
type Segment struct {
	Name string
	Ops  []Op
}

// Output is the value that leaves the segment.
func (s Segment) Output() Value { return Value(len(s.Ops)) }

// Kind names what an operation computes.
type Kind string

// The kinds that this version knows. A plugin that uses another gets an error
// that lists these.
const (
	// Embedding: rows of Weight [Vocab, Columns] by token id, times Scale.
	Embedding Kind = "embedding"
	// RMSNorm: x / sqrt(mean(x²) + Eps) · (Offset + Weight), over groups of
	// len(Weight) columns: over whole rows, or over each head.
	RMSNorm Kind = "rms_norm"
	// Linear: x·Weightᵀ + Bias, the unit that an adapter attaches to.
	Linear Kind = "linear"
	// RoPE: rotates Heads heads of HeadDim columns by position · InvFreq,
	// times Scale (the attention factor of YaRN and LongRoPE).
	RoPE Kind = "rope"
	// Attention: of query, key and value in this order; causal, within its
	// document, over at most Window keys (0: all).
	Attention Kind = "attention"
	// Gated: Activation(a) · b.
	Gated Kind = "gated"
	// Add: a + b.
	Add Kind = "add"
)

// Activations that Gated knows.
const (
	SiLU     = "silu"
	GELU     = "gelu"
	GELUTanh = "gelu_tanh"
)

// Op is one operation. Which fields count depends on Kind.
type Op struct {
	Kind Kind
	// Module is the Hugging Face module path ("model.layers.0.self_attn.q_proj").
	Module string
	In     []Value
	// Columns of the result.
	Columns int

	Weight string // name of a Param, or ""
	Bias   string // name of a Param, or ""

	Eps    float32 // RMSNorm
	Offset float32 // RMSNorm: 1 for Gemma, else 0
	Scale  float32 // Embedding, RoPE, Attention (of the scores)

	Heads   int // RoPE, Attention (query heads)
	KVHeads int // Attention
	HeadDim int // RoPE, Attention

	// InvFreq has one frequency a rotated pair, in radians a position; columns of a head
	// beyond 2·len(InvFreq) pass unchanged.
	InvFreq []float32
	// Interleaved pairs columns 2i and 2i+1 instead of i and i+len(InvFreq).
	Interleaved bool

	Window  int     // Attention: 0 for none
	SoftCap float32 // Attention: 0 for none; else cap·tanh(score/cap)

	Activation string // Gated
}
