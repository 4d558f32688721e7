package architectures

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/architectures/llama"
	"github.com/loraedge/loraedge/plugins/architectures/mistral"
	"github.com/loraedge/loraedge/plugins/architectures/qwen2"
	"github.com/loraedge/loraedge/plugins/sdk"
)

var families = map[string]sdk.Architecture{
	"llama": llama.Architecture, "mistral": mistral.Architecture, "qwen2": qwen2.Architecture,
}

// The folders that Transformers wrote for the numerical goldens.
func TestFoldersOfTransformers(t *testing.T) {
	for folder, family := range map[string]string{"llama": "llama", "llama3-rope": "llama", "mistral": "mistral", "qwen2": "qwen2"} {
		t.Run(folder, func(t *testing.T) {
			path := filepath.Join("..", "..", "testdata", "goldens", folder)
			config, err := os.ReadFile(filepath.Join(path, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			r := sdk.Request{Config: config, Tensors: header(t, filepath.Join(path, "model.safetensors")), SequenceLen: 40}
			g, err := sdk.BuildChecked(families[family], r)
			if err != nil {
				t.Fatal(err)
			}
			used := map[string]bool{}
			for _, p := range g.Params {
				used[p.Tensor] = true
			}
			for _, tensor := range r.Tensors {
				if !used[tensor.Name] {
					t.Errorf("tensor %s is not used", tensor.Name)
				}
			}
		})
	}
}

// header reads the tensor list of a safetensors file.
func header(t *testing.T, path string) []sdk.Tensor {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var length uint64
	if err := binary.Read(f, binary.LittleEndian, &length); err != nil {
		t.Fatal(err)
	}
	var entries map[string]struct {
		DType string `json:"dtype"`
		Shape []int  `json:"shape"`
	}
	if err := json.NewDecoder(io.LimitReader(f, int64(length))).Decode(&entries); err != nil {
		t.Fatal(err)
	}
	var tensors []sdk.Tensor
	for name, e := range entries {
		if name != "__metadata__" {
			tensors = append(tensors, sdk.Tensor{Name: name, Shape: e.Shape, DType: e.DType})
		}
	}
	return tensors
}

// config is a small model's, with changes; a nil value takes a key away.
func config(changes map[string]any) map[string]any {
	c := map[string]any{
		"vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3,
		"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
		"rms_norm_eps": 1e-5, "hidden_act": "silu",
	}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// build builds a model whose files hold just the tensors that it names.
func build(t *testing.T, family string, changes map[string]any) (*graph.Graph, error) {
	t.Helper()
	raw, err := json.Marshal(config(changes))
	if err != nil {
		t.Fatal(err)
	}
	g, err := families[family].Build(sdk.Request{Config: raw, SequenceLen: 32})
	if err != nil {
		return nil, err
	}
	return g, g.Check()
}

func TestBiases(t *testing.T) {
	for _, c := range []struct {
		family  string
		changes map[string]any
		want    string
	}{
		{"llama", nil, ""},
		{"llama", map[string]any{"attention_bias": true}, "q k v o"},
		{"llama", map[string]any{"mlp_bias": true}, "gate up down"},
		{"mistral", nil, ""},
		{"qwen2", nil, "q k v"},
	} {
		g, err := build(t, c.family, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, op := range g.Blocks[1].Ops {
			if op.Bias != "" {
				name := op.Module[strings.LastIndexByte(op.Module, '.')+1:]
				got = append(got, strings.TrimSuffix(name, "_proj"))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %v: biases on %v, want %q", c.family, c.changes, got, c.want)
		}
	}
}

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		family  string
		changes map[string]any
		want    string // windows of the three layers
	}{
		{"llama", map[string]any{"sliding_window": 5}, "[0 0 0]"},
		{"mistral", map[string]any{"sliding_window": 5}, "[5 5 5]"},
		{"mistral", nil, "[4096 4096 4096]"},
		{"qwen2", map[string]any{"sliding_window": 5, "max_window_layers": 1}, "[0 0 0]"},
		{"qwen2", map[string]any{"sliding_window": 5, "max_window_layers": 1, "use_sliding_window": true}, "[0 5 5]"},
		{"qwen2", map[string]any{"sliding_window": 5, "max_window_layers": 0, "use_sliding_window": true}, "[5 5 5]"},
		{"qwen2", map[string]any{
			"sliding_window": 5, "use_sliding_window": true,
			"layer_types": []string{"sliding_attention", "full_attention", "sliding_attention"},
		}, "[5 0 5]"},
	} {
		g, err := build(t, c.family, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, b := range g.Blocks {
			for _, op := range b.Ops {
				if op.Kind == graph.Attention {
					got = append(got, op.Window)
				}
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s %v: windows %v, want %s", c.family, c.changes, got, c.want)
		}
	}
}

// null is another thing than a missing key for Mistral.
func TestMistralWithoutWindow(t *testing.T) {
	raw, _ := json.Marshal(config(nil))
	raw = append([]byte(`{"sliding_window": null, `), raw[1:]...)
	g, err := mistral.Architecture.Build(sdk.Request{Config: raw})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range g.Blocks[0].Ops {
		if op.Window != 0 {
			t.Errorf("window is %d, want none", op.Window)
		}
	}
}

func TestHeads(t *testing.T) {
	g, err := build(t, "mistral", map[string]any{"head_dim": 6, "num_key_value_heads": 2})
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for _, p := range g.Params {
		shapes[p.Name] = p.Shape
	}
	for name, want := range map[string]string{
		"model.layers.0.self_attn.q_proj.weight": "[12 8]",
		"model.layers.0.self_attn.k_proj.weight": "[12 8]",
		"model.layers.0.self_attn.o_proj.weight": "[8 12]",
	} {
		if got := fmt.Sprint(shapes[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestActivationsAndTying(t *testing.T) {
	for name, want := range map[string]string{"silu": graph.SiLU, "gelu": graph.GELU, "gelu_new": graph.GELUTanh, "gelu_pytorch_tanh": graph.GELUTanh} {
		g, err := build(t, "llama", map[string]any{"hidden_act": name, "tie_word_embeddings": true})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range g.Blocks[0].Ops {
			if op.Kind == graph.Gated && op.Activation != want {
				t.Errorf("%s becomes %s, want %s", name, op.Activation, want)
			}
		}
		if head := g.Head.Ops[1]; head.Module != "lm_head" || head.Weight != "model.embed_tokens.weight" {
			t.Errorf("tied head is module %s with %s", head.Module, head.Weight)
		}
	}
}

func TestErrorsNameTheKey(t *testing.T) {
	for _, c := range []struct {
		family  string
		changes map[string]any
		want    string
	}{
		{"llama", map[string]any{"vocab_size": nil}, "config.json: vocab_size is missing, want a whole number above 0"},
		{"llama", map[string]any{"hidden_size": -8}, "config.json: hidden_size is -8, want a whole number from 1 to"},
		{"llama", map[string]any{"hidden_size": 1e12}, "hidden_size is 1000000000000, want a whole number"},
		{"llama", map[string]any{"hidden_size": "8"}, `hidden_size is "8", want a whole number`},
		{"llama", map[string]any{"hidden_size": 9}, "hidden_size is 9, want a multiple of num_attention_heads, which is 2"},
		{"llama", map[string]any{"num_hidden_layers": 1 << 20}, "num_hidden_layers is 1048576, want at most 4096"},
		{"llama", map[string]any{"num_attention_heads": 4, "num_key_value_heads": 3}, "num_attention_heads is 4, want a multiple of num_key_value_heads, which is 3"},
		{"llama", map[string]any{"head_dim": 5}, "head_dim is 5, want an even number"},
		{"llama", map[string]any{"rms_norm_eps": 0}, "rms_norm_eps is 0, want a number above 0"},
		{"llama", map[string]any{"hidden_act": "relu"}, `hidden_act is "relu", want one of "gelu"`},
		{"llama", map[string]any{"attention_bias": 1}, "attention_bias is 1, want true or false"},
		{"mistral", map[string]any{"sliding_window": 0}, "sliding_window is 0, want a whole number from 1"},
		{"qwen2", map[string]any{"layer_types": []string{"full_attention"}}, "layer_types has 1 layers, want 3 as num_hidden_layers says"},
		{"qwen2", map[string]any{"layer_types": []string{"full_attention", "none", "full_attention"}}, `layer_types[1] is "none"`},
		{"qwen2", map[string]any{"use_sliding_window": "yes"}, `use_sliding_window is "yes", want true or false`},
	} {
		_, err := build(t, c.family, c.changes)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error is\n%v\nwant it to have\n%s", c.family, c.changes, err, c.want)
		}
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := build(t, "llama", map[string]any{"vocab_size": nil, "rms_norm_eps": nil, "max_position_embeddings": -1})
	if err == nil || strings.Count(err.Error(), "config.json: ") != 3 {
		t.Errorf("want three errors, one a key, got\n%v", err)
	}
}

func TestTensorErrors(t *testing.T) {
	raw, _ := json.Marshal(config(nil))
	g, err := llama.Architecture.Build(sdk.Request{Config: raw})
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]int{}
	for _, p := range g.Params {
		whole[p.Tensor] = p.Shape
	}
	q := "model.layers.1.self_attn.q_proj"
	for _, c := range []struct {
		change func(map[string][]int)
		want   string // "" for none
	}{
		{func(map[string][]int) {}, ""},
		{func(m map[string][]int) { m["model.layers.0.self_attn.rotary_emb.inv_freq"] = []int{2} }, ""},
		{func(m map[string][]int) { delete(m, q+".weight") }, "tensor " + q + ".weight: not in the model's files"},
		{func(m map[string][]int) { m[q+".weight"] = []int{8, 9} }, "tensor " + q + ".weight: has shape [8 9] in the file, want [8 8]"},
		{func(m map[string][]int) { m["model.embed_tokens.weight"] = []int{20, 8} }, "tensor model.embed_tokens.weight: has shape [20 8] in the file, want [16 8]"},
		{func(m map[string][]int) { m[q+".bias"] = []int{8} }, "tensor " + q + ".bias: in the model's files, but config.json describes a llama model without it"},
	} {
		tensors := maps.Clone(whole)
		c.change(tensors)
		r := sdk.Request{Config: raw}
		for name, shape := range tensors {
			r.Tensors = append(r.Tensors, sdk.Tensor{Name: name, Shape: shape})
		}
		_, err := sdk.BuildChecked(llama.Architecture, r)
		switch {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("error is %v, want it to have %s", err, c.want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, folder := range []string{"llama", "llama3-rope", "mistral", "qwen2"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "testdata", "goldens", folder, "config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, 64)
	}
	f.Add([]byte(`{"head_dim": 1e8, "rope_scaling": {"rope_type": "yarn"}}`), -1)
	f.Fuzz(func(t *testing.T, raw []byte, sequenceLen int) {
		for name, a := range families {
			g, err := a.Build(sdk.Request{Config: raw, SequenceLen: sequenceLen})
			if err == nil && g.Vocab < 1 {
				t.Errorf("%s: a graph with a vocabulary of %d", name, g.Vocab)
			}
		}
	})
}
