// Package mistral builds Mistral: the plain decoder, whose queries may see a
// window of keys only.
package mistral

import (
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/architectures/decoder"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Architecture is the family.
type Architecture struct{}

// Describe names the family.
func (Architecture) Describe() sdk.Family {
	return sdk.Family{
		Name: "mistral", Version: "1", ModelTypes: []string{"mistral"}, Architectures: []string{"MistralForCausalLM"},
	}
}

// Build reads config.json and returns the graph.
func (Architecture) Build(r sdk.Request) (*graph.Graph, error) {
	c, err := sdk.ParseConfig(r.Config)
	if err != nil {
		return nil, err
	}
	m := decoder.Read(c, r.SequenceLen)
	m.Windows = windows(c, m.Layers)
	if err := c.Err(); err != nil {
		return nil, err
	}
	g := m.Graph("mistral")
	return g, decoder.Unused(g, r.Tensors)
}

// windows are those of all layers alike: sliding_window, where null is none and
// a missing key is Mistral 7B v0.1's 4096, as in Transformers.
func windows(c *sdk.Config, layers int) []int {
	window := 4096
	if c.Given("sliding_window") {
		window = c.IntOr("sliding_window", 0)
	}
	if window == 0 || c.Err() != nil {
		return nil
	}
	list := make([]int, layers)
	for i := range list {
		list[i] = window
	}
	return list
}
