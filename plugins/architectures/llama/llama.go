// Package llama builds Llama 1 to 3 and the models made like it (SmolLM2,
// TinyLlama): the plain decoder, with biases if config.json says so.
package llama

import (
	"github.com/loraedge/loraedge/plugins/architectures/decoder"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Architecture is the family.
var Architecture = decoder.Family{
	Family: sdk.Family{
		Name: "llama", Version: "1", ModelTypes: []string{"llama"}, Architectures: []string{"LlamaForCausalLM"},
	},
	Read: func(c *sdk.Config, m *decoder.Model) {
		m.QKVBias = c.Bool("attention_bias", false)
		m.OutBias = m.QKVBias
		m.MLPBias = c.Bool("mlp_bias", false)
	},
}
