package decoder

import (
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Family is an architecture of this block: its names, and what its config.json has
// besides the keys that all families share.
type Family struct {
	sdk.Family
	// Read sets the rest of the model. Errors are in c.Err.
	Read func(c *sdk.Config, m *Model)
}

// Describe names the family.
func (f Family) Describe() sdk.Family { return f.Family }

// Build reads config.json and returns the graph.
func (f Family) Build(r sdk.Request) (*graph.Graph, error) {
	c, err := sdk.ParseConfig(r.Config)
	if err != nil {
		return nil, err
	}
	m := read(c, r.SequenceLen)
	f.Read(c, &m)
	if err := c.Err(); err != nil {
		return nil, err
	}
	g := m.graph(f.Name)
	return g, unused(g, r.Tensors)
}

// unused is an error for a tensor of the model's files that the graph would
// leave out, such as a bias that config.json does not mention: a model without
// it is another model. Buffers that are computed, and the head's copy of tied
// embeddings, may be left out.
func unused(g *graph.Graph, tensors []sdk.Tensor) error {
	used := make(map[string]bool, len(g.Params))
	for _, p := range g.Params {
		used[p.Tensor] = true
	}
	for _, t := range tensors {
		switch {
		case used[t.Name], strings.HasSuffix(t.Name, ".rotary_emb.inv_freq"), t.Name == "lm_head.weight":
		case strings.HasPrefix(t.Name, "model."), strings.HasPrefix(t.Name, "lm_head."):
			return fmt.Errorf("tensor %s: in the model's files, but config.json describes a %s model without it", t.Name, g.Architecture)
		}
	}
	return nil
}
