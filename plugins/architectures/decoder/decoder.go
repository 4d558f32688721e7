// Package decoder is the block that Llama, Mistral and Qwen2 share, with what
// they do differently as data: biases, windows, tied embeddings.
//
// It knows no family by name. Begin reading at Family.Build, then Model.graph.
package decoder

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/sdk"
	"github.com/loraedge/loraedge/plugins/sdk/rope"
)

// Model is what config.json says of a decoder.
type Model struct {
	Vocab, Width, Inner, Layers int
	Positions                   int
	Heads, KVHeads, HeadDim     int
	Eps                         float32
	Activation                  string
	Tied                        bool
	Rope                        rope.Frequencies

	// QKVBias, OutBias and MLPBias say which linears have a bias.
	QKVBias, OutBias, MLPBias bool
	// Windows has the attention window of each layer, 0 for none; nil for
	// none anywhere.
	Windows []int
}

// activations are the values of hidden_act.
var activations = map[string]string{
	"silu": graph.SiLU, "swish": graph.SiLU,
	"gelu": graph.GELU, "gelu_python": graph.GELU,
	"gelu_new": graph.GELUTanh, "gelu_fast": graph.GELUTanh,
	"gelu_pytorch_tanh": graph.GELUTanh, "gelu_python_tanh": graph.GELUTanh,
}

// maxLayers keeps a nonsensical num_hidden_layers from filling the memory.
const maxLayers = 4096

// read reads the keys that all families share. Errors are in c.Err.
func read(c *sdk.Config, sequenceLen int) Model {
	m := Model{
		Vocab: c.Int("vocab_size"), Width: c.Int("hidden_size"), Inner: c.Int("intermediate_size"),
		Layers: c.Int("num_hidden_layers"), Positions: c.IntOr("max_position_embeddings", 1),
		Heads: c.Int("num_attention_heads"), Eps: float32(c.Positive("rms_norm_eps")),
		Activation: c.Choice("hidden_act", "silu", activations),
		Tied:       c.Bool("tie_word_embeddings", false),
	}
	m.KVHeads = c.IntOr("num_key_value_heads", m.Heads)
	if m.Layers > maxLayers {
		c.Fail("num_hidden_layers", "is %d, want at most %d", m.Layers, maxLayers)
	}
	if m.Heads > 0 && m.KVHeads > 0 && m.Heads%m.KVHeads != 0 {
		c.Fail("num_attention_heads", "is %d, want a multiple of num_key_value_heads, which is %d", m.Heads, m.KVHeads)
	}
	if !c.Has("head_dim") && m.Heads > 0 && m.Width%m.Heads != 0 {
		c.Fail("hidden_size", "is %d, want a multiple of num_attention_heads, which is %d", m.Width, m.Heads)
	}
	m.HeadDim = c.IntOr("head_dim", m.Width/max(m.Heads, 1))
	m.Rope = rope.Read(c, m.HeadDim, 10000, sequenceLen)
	return m
}

// graph is the model: x + Attention(Norm(x)), then x + MLP(Norm(x)), in every
// block.
func (m Model) graph(family string) *graph.Graph {
	model := sdk.NewModel(family, m.Vocab, m.Width, m.Positions)
	model.Embedding("model.embed_tokens")
	for i := range m.Layers {
		b, x := model.Block(fmt.Sprintf("model.layers.%d", i))
		x = b.Add(x, m.attention(b, b.RMSNorm(x, "input_layernorm", m.Eps), i))
		b.Add(x, m.mlp(b, b.RMSNorm(x, "post_attention_layernorm", m.Eps)))
	}
	b, x := model.Head()
	x = b.RMSNorm(x, "model.norm", m.Eps)
	if m.Tied {
		b.Linear(x, "lm_head", m.Vocab, sdk.TiedTo("model.embed_tokens"))
	} else {
		b.Linear(x, "lm_head", m.Vocab)
	}
	return model.Graph()
}

func (m Model) attention(b *sdk.Block, x graph.Value, layer int) graph.Value {
	bias := sdk.Bias(m.QKVBias)
	q := b.Linear(x, "self_attn.q_proj", m.Heads*m.HeadDim, bias)
	k := b.Linear(x, "self_attn.k_proj", m.KVHeads*m.HeadDim, bias)
	v := b.Linear(x, "self_attn.v_proj", m.KVHeads*m.HeadDim, bias)
	r := sdk.Rope{HeadDim: m.HeadDim, InvFreq: m.Rope.InvFreq, Scale: m.Rope.AttentionFactor}
	heads := sdk.Heads{Query: m.Heads, Key: m.KVHeads, Dim: m.HeadDim}
	if m.Windows != nil {
		heads.Window = m.Windows[layer]
	}
	a := b.Attention(b.RoPE(q, r), b.RoPE(k, r), v, heads)
	return b.Linear(a, "self_attn.o_proj", m.Width, sdk.Bias(m.OutBias))
}

func (m Model) mlp(b *sdk.Block, x graph.Value) graph.Value {
	bias := sdk.Bias(m.MLPBias)
	gate := b.Linear(x, "mlp.gate_proj", m.Inner, bias)
	up := b.Linear(x, "mlp.up_proj", m.Inner, bias)
	return b.Linear(b.Gated(m.Activation, gate, up), "mlp.down_proj", m.Width, bias)
}
