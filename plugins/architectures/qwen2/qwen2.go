// Package qwen2 builds Qwen2 and Qwen2.5: the decoder with biases on query,
// key and value, and a window in the upper layers if config.json says so.
package qwen2

import (
	"fmt"

	"github.com/loraedge/loraedge/plugins/architectures/decoder"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Architecture is the family.
var Architecture = decoder.Family{
	Family: sdk.Family{
		Name: "qwen2", Version: "1", ModelTypes: []string{"qwen2"}, Architectures: []string{"Qwen2ForCausalLM"},
	},
	Read: func(c *sdk.Config, m *decoder.Model) {
		m.QKVBias = true
		m.Windows = windows(c, m.Layers)
	},
}

// windows are those of the layers from max_window_layers up, or of those that
// layer_types names, and only with use_sliding_window.
func windows(c *sdk.Config, layers int) []int {
	from := c.CountOr("max_window_layers", 28)
	types := c.Texts("layer_types")
	window := 4096
	if c.Given("sliding_window") {
		window = c.IntOr("sliding_window", 0)
	}
	if types != nil && len(types) != layers {
		c.Fail("layer_types", "has %d layers, want %d as num_hidden_layers says", len(types), layers)
	}
	for i, t := range types {
		if t != "sliding_attention" && t != "full_attention" {
			c.Fail(fmt.Sprintf("layer_types[%d]", i), `is %q, want "full_attention" or "sliding_attention"`, t)
		}
	}
	if !c.Bool("use_sliding_window", false) || window == 0 || c.Err() != nil {
		return nil
	}
	list := make([]int, layers)
	for i := range list {
		if types == nil && i >= from || types != nil && types[i] == "sliding_attention" {
			list[i] = window
		}
	}
	return list
}
