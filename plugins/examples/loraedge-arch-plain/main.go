// Command loraedge-arch-plain builds a small family of models, "plain".
package main

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/sdk"
	"github.com/loraedge/loraedge/plugins/sdk/rope"
)

type plain struct{}

func (plain) Describe() sdk.Family {
	return sdk.Family{Name: "plain", Version: "1", ModelTypes: []string{"plain"}}
}

func (plain) Build(r sdk.Request) (*graph.Graph, error) {
	c, err := sdk.ParseConfig(r.Config)
	if err != nil {
		return nil, err
	}
	vocab, width, heads := c.Int("vocab_size"), c.Int("hidden_size"), c.Int("num_attention_heads")
	layers, eps := c.Int("num_hidden_layers"), float32(c.Positive("rms_norm_eps"))
	dim := width / max(heads, 1)
	turn := rope.Read(c, dim, 10000, r.SequenceLen)
	if err := c.Err(); err != nil {
		return nil, err
	}
	m := sdk.NewModel("plain", vocab, width, c.Int("max_position_embeddings"))
	m.Embedding("embed")
	for i := range layers {
		b, x := m.Block(fmt.Sprintf("layers.%d", i))
		h := b.RMSNorm(x, "norm", eps)
		q, k, v := b.Linear(h, "q", width), b.Linear(h, "k", width), b.Linear(h, "v", width)
		rotate := sdk.Rope{HeadDim: dim, InvFreq: turn.InvFreq, Scale: turn.AttentionFactor}
		a := b.Attention(b.RoPE(q, rotate), b.RoPE(k, rotate), v, sdk.Heads{Query: heads, Key: heads, Dim: dim})
		b.Add(x, b.Linear(a, "o", width))
	}
	b, x := m.Head()
	b.Linear(b.RMSNorm(x, "norm", eps), "head", vocab)
	return m.Graph(), nil
}

func main() { sdk.Serve(sdk.Plugin{Architectures: []sdk.Architecture{plain{}}}) }
