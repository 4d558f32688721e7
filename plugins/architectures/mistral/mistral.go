// Package mistral builds Mistral: the plain decoder, whose queries may see a
// window of keys only.
package mistral

import (
	"github.com/loraedge/loraedge/plugins/architectures/decoder"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Architecture is the family.
var Architecture = decoder.Family{
	Family: sdk.Family{
		Name: "mistral", Version: "1", ModelTypes: []string{"mistral"}, Architectures: []string{"MistralForCausalLM"},
	},
	Read: func(c *sdk.Config, m *decoder.Model) {
		m.Windows = windows(c, m.Layers)
	},
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
