package sdk

import (
	"github.com/loraedge/loraedge/core/graph"
)

// Model builds a graph. Modules are named as Hugging Face names them, and a
// module's parameters are the tensors module+".weight" and module+".bias".
//
//	m := sdk.NewModel("llama", vocab, width, positions)
//	m.Embedding("model.embed_tokens")
//	for i := range layers {
//		b, x := m.Block(fmt.Sprintf("model.layers.%d", i))
//		h := b.RMSNorm(x, "input_layernorm", eps)
//		…
//	}
//	b, x := m.Head()
//	b.Linear(b.RMSNorm(x, "model.norm", eps), "lm_head", vocab)
//	return m.Graph(), nil
//
// Mistakes are not reported here but by the check of the finished graph.
type Model struct {
	graph  graph.Graph
	params map[string]bool
}

// NewModel begins a model with a vocabulary of vocab tokens, a residual stream
// of width columns, and a context of positions tokens.
func NewModel(architecture string, vocab, width, positions int) *Model {
	return &Model{
		graph: graph.Graph{
			Architecture: architecture, Vocab: vocab, Width: width, MaxPositions: positions,
			Embed: graph.Segment{Name: "embed"}, Head: graph.Segment{Name: "head"},
		},
		params: map[string]bool{},
	}
}

// Graph is the finished graph.
func (m *Model) Graph() *graph.Graph { return &m.graph }

// Embedding begins the embed segment: rows of [vocab, width], times 1 or the
// given scale. It returns the segment for what may follow.
func (m *Model) Embedding(module string, scale ...float32) (*Block, graph.Value) {
	b := &Block{model: m, segment: &m.graph.Embed}
	by := float32(1)
	if len(scale) > 0 {
		by = scale[0]
	}
	weight := b.param(module+".weight", m.graph.Vocab, m.graph.Width)
	return b, b.add(graph.Op{
		Kind: graph.Embedding, Module: module, In: []graph.Value{0}, Columns: m.graph.Width, Weight: weight, Scale: by,
	})
}

// Block begins the next block, whose modules are below prefix. It returns the
// block and the residual stream that enters it.
func (m *Model) Block(prefix string) (*Block, graph.Value) {
	m.graph.Blocks = append(m.graph.Blocks, graph.Segment{Name: prefix})
	i := len(m.graph.Blocks) - 1
	return &Block{model: m, index: i, prefix: prefix + "."}, 0
}

// Head begins the head; its last operation is the Linear to the vocabulary.
func (m *Model) Head() (*Block, graph.Value) {
	return &Block{model: m, segment: &m.graph.Head}, 0
}

// param adds a parameter once, however many operations name it.
func (m *Model) param(name string, shape ...int) string {
	if !m.params[name] {
		m.params[name] = true
		m.graph.Params = append(m.graph.Params, graph.Param{Name: name, Shape: shape, Tensor: name})
	}
	return name
}
