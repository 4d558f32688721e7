package job

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// builtIn are the built-in architectures without their subprocess.
type builtIn struct{}

func (builtIn) Architecture(modelType string, config []byte, _ []model.Tensor, sequenceLen int) (*graph.Graph, error) {
	for _, a := range builtin.Plugin().Architectures {
		if a.Describe().Name == modelType {
			return a.Build(sdk.Request{Family: modelType, Config: config, SequenceLen: sequenceLen})
		}
	}
	return nil, fmt.Errorf("no architecture %q", modelType)
}

// shape is a model's config.json, from which memory is planned without weights.
type shape struct {
	name                                               string
	hidden, inner, layers, heads, keyHeads, vocabulary int
}

var (
	llama2of7B  = shape{"Llama 2 7B", 4096, 11008, 32, 32, 32, 32000}
	llama2of13B = shape{"Llama 2 13B", 5120, 13824, 40, 40, 40, 32000}
	llama1of65B = shape{"LLaMA 65B", 8192, 22016, 80, 64, 64, 32000}
	llama3of8B  = shape{"Llama 3 8B", 4096, 14336, 32, 32, 8, 128256}
)

func (s shape) open(t *testing.T, sequenceLen int) *model.Base {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"model_type": "llama", "architectures": []string{"LlamaForCausalLM"}, "hidden_act": "silu", "rms_norm_eps": 1e-5,
		"hidden_size": s.hidden, "intermediate_size": s.inner, "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
		"num_key_value_heads": s.keyHeads, "vocab_size": s.vocabulary, "max_position_embeddings": 4096, "tie_word_embeddings": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := model.Open(dir, builtIn{}, sequenceLen, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// QLoRA with rank 16 on all linears of blocks, blocks computed again where memory asks for it, one sequence a
// step, on devices like GPUs that hold NF4 and compute in bfloat16: what must fit does, and
// weights stay on the device where they must. The log is the table of docs/performance-vulkan.md.
func TestMemoryOfKnownModels(t *testing.T) {
	t.Log("| model | GPU | tokens | least with all on the device | planned | blocks streamed, parked | in the host's memory | copied a step |")
	t.Log("| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, c := range []struct {
		shape    shape
		gib      int64
		resident bool // nothing may be streamed
	}{
		{llama2of7B, 24, true},
		{llama2of13B, 24, true},
		{llama3of8B, 6, false},
		{llama1of65B, 48, false},
	} {
		for _, tokens := range []int{512, 1024, 2048} {
			base := c.shape.open(t, tokens)
			device := described{backends.Device{
				Name: "described", MemoryBytes: c.gib << 30, MaxBlockBytes: 1 << 30, MaxBufferBytes: 4 << 30, Streams: true,
				Stores: []dtype.DType{dtype.BF16, dtype.NF4, dtype.NF4Double}, Computes: []dtype.DType{dtype.BF16}, Prefers: dtype.BF16,
				Activations: []dtype.DType{dtype.BF16}, NarrowLinears: true,
			}}
			settings := &config.Config{Train: config.Train{GradientAccumulationSteps: 1}}
			settings.Device.Memory.Auto = true
			settings.Quantization = config.Quantization{LoadIn4Bit: true, DoubleQuant: true}
			j := &Job{Deps: Deps{Device: device}, Config: settings, Base: base}
			o := lower.Options{Train: data.Buckets(tokens), Decode: []int{1, decodeChunk}, Cache: min(tokens, decodeContext), Adapter: &lower.LoRA{Target: func(m string) (int, float32, bool) { return 16, 1, m != "lm_head" }}}
			if err := j.setPrecision(&o); err != nil {
				t.Fatal(err)
			}
			whole := o
			whole.MaxBlock, whole.MaxBuffer = device.MaxBlockBytes, device.MaxBufferBytes
			all, err := lower.Lower(base.Graph, whole)
			if err != nil {
				t.Fatal(err)
			}
			o, err = j.fit(o)
			if err != nil {
				t.Errorf("%s, %d GiB, %d tokens: %v", c.shape.name, c.gib, tokens, err)
				continue
			}
			m, err := lower.Lower(base.Graph, o)
			if err != nil {
				t.Fatal(err)
			}
			if c.resident && o.Stream > 0 {
				t.Errorf("%s, %d GiB, %d tokens: the weights of %d blocks are streamed", c.shape.name, c.gib, tokens, o.Stream)
			}
			bytes, waits, copied := m.Program.Bytes(), "none", "0"
			if o.Stream > 0 || o.Park > 0 {
				waits, copied = report.Bytes(bytes[program.Host]+bytes[program.Parked]), report.Bytes(j.copiedBytes(m))
			}
			t.Logf("| %s | %d GiB | %d | %s | %s | %d, %d of %d | %s | %s |", c.shape.name, c.gib, tokens, report.Bytes(all.Program.OnDevice()), report.Bytes(m.Program.OnDevice()),
				o.Stream, o.Park, c.shape.layers, waits, copied)
		}
	}
}
