// Package llama builds Llama 1 to 3 and the models made like it (SmolLM2,
// TinyLlama): the plain decoder, with biases if config.json says so.
package llama

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
		Name: "llama", Version: "1", ModelTypes: []string{"llama"}, Architectures: []string{"LlamaForCausalLM"},
	}
}

// Build reads config.json and returns the graph.
func (Architecture) Build(r sdk.Request) (*graph.Graph, error) {
	c, err := sdk.ParseConfig(r.Config)
	if err != nil {
		return nil, err
	}
	m := decoder.Read(c, r.SequenceLen)
	m.QKVBias = c.Bool("attention_bias", false)
	m.OutBias = m.QKVBias
	m.MLPBias = c.Bool("mlp_bias", false)
	if err := c.Err(); err != nil {
		return nil, err
	}
	g := m.Graph("llama")
	return g, decoder.Unused(g, r.Tensors)
}
