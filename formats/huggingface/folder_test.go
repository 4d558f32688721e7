package huggingface

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// files are a folder's text files by name; a name that ends in .safetensors
// stands for a weight file, with the names of its tensors as the text.
type files map[string]string

func folder(t testing.TB, content files) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".safetensors") {
			writeTensors(t, path, strings.Fields(text)...)
		} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeTensors(t testing.TB, path string, names ...string) {
	t.Helper()
	var sources []safetensors.Source
	for i, name := range names {
		sources = append(sources, safetensors.FromFloat32s(name, []int{2}, []float32{float32(i), 1}, dtype.F32))
	}
	if err := safetensors.Write(path, sources, nil); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// A sharded folder that Transformers wrote is read with its shapes and values.
func TestReadTransformersFolder(t *testing.T) {
	f := mustOpen(t, "testdata/tiny")
	text, err := os.ReadFile("testdata/tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Shape []int
		Sum   float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors()) != len(want) {
		t.Errorf("%d tensors, want %d", len(f.Tensors()), len(want))
	}
	for name, w := range want {
		tensor, ok := f.Tensor(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		values, err := safetensors.Float32s(tensor)
		if err != nil {
			t.Error(err)
		}
		var sum float64
		for _, v := range values {
			sum += float64(v)
		}
		if !cmp.Equal(tensor.Shape, w.Shape) || tensor.DType != dtype.BF16 || math.Abs(sum-w.Sum) > 1e-12 {
			t.Errorf("%s: shape %v, type %v, sum %v; want %v, BF16, %v", name, tensor.Shape, tensor.DType, sum, w.Shape, w.Sum)
		}
	}
	if diff := cmp.Diff([]int{2, 5}, f.EOSTokenIDs); diff != "" {
		t.Error(diff)
	}
	if keys := f.Config.Keys(); keys[0] != "architectures" || keys[len(keys)-1] != "vocab_size" {
		t.Errorf("keys are not in the order of the file: %v", keys)
	}
}

const index = "model.safetensors.index.json"

func TestUnusableFolders(t *testing.T) {
	for _, c := range []struct {
		name string
		in   files
		want []string
	}{
		{"empty", files{}, []string{"no config.json"}},
		{"config only", files{"config.json": "{}"}, []string{"no weights", "model.safetensors"}},
		{"config is no object", files{"config.json": "[1]"}, []string{"config.json", "want a JSON object"}},
		{"config is empty", files{"config.json": ""}, []string{"config.json", "line 1, column 1", "cut short"}},
		{"config is not JSON", files{"config.json": "{\n \"a\": 1,\n \"b\": x}"}, []string{"config.json", "line 3, column 7", "not valid JSON"}},
		{"config ends early", files{"config.json": "{\n \"a\": [1,"}, []string{"config.json", "line 2"}},
		{"a key twice", files{"config.json": "{\"a\": 1,\n\"a\": 2}"}, []string{"config.json", "line 2", `"a" appears twice`}},
		{"text after the config", files{"config.json": "{} x"}, []string{"config.json", "line 1, column 4", "after top-level value"}},
		{"adapter", files{"adapter_config.json": "{}"}, []string{"PEFT adapter"}},
		{"GGUF", files{"m-q4.gguf": ""}, []string{"GGUF", "not read yet", "safetensors"}},
		{"cache entry", files{"snapshots/abc/config.json": "{}"}, []string{"Hugging Face cache", filepath.Join("snapshots", "abc")}},
		{"pickle", files{"config.json": "{}", "pytorch_model-00001-of-00002.bin": ""}, []string{"pytorch_model-00001-of-00002.bin", "pickle", "save_pretrained"}},
		{"GPTQ", files{"config.json": `{"quantization_config":{"quant_method":"gptq","bits":4}}`}, []string{"GPTQ", "load_in_4bit = true"}},
		{"AWQ", files{"config.json": `{"quantization_config":{"quant_method":"awq"}}`}, []string{"AWQ"}},
		{"FP8", files{"config.json": `{"quantization_config":{"quant_method":"fp8"}}`}, []string{"FP8"}},
		{"MXFP4", files{"config.json": `{"quantization_config":{"quant_method":"mxfp4"}}`}, []string{"MXFP4"}},
		{"bitsandbytes of 8 bits", files{"config.json": `{"quantization_config":{"quant_method":"bitsandbytes","load_in_8bit":true}}`}, []string{"bitsandbytes 8-bit"}},
		{"bitsandbytes of old", files{"config.json": `{"quantization_config":{"load_in_8bit":true}}`}, []string{"bitsandbytes 8-bit"}},
		{"a method of tomorrow", files{"config.json": `{"quantization_config":{"quant_method":"zip9"}}`}, []string{`"zip9"`}},
		{"quantised text part", files{"config.json": `{"text_config":{"quantization_config":{"quant_method":"awq"}}}`}, []string{"AWQ"}},
		{"MLX", files{"config.json": `{"quantization":{"bits":4}}`}, []string{"MLX"}},
		{"GPTQ of old", files{"config.json": "{}", "quantize_config.json": "{}"}, []string{"GPTQ"}},
		{"other safetensors", files{"config.json": "{}", "weights.safetensors": "a"}, []string{"weights.safetensors", "rename it"}},
		{"shards without index", files{"config.json": "{}", "model-00001-of-00002.safetensors": "a"}, []string{"1 weight shards", index}},
		{"missing shards", files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"3.safetensors"}}`, "2.safetensors": "b"},
			[]string{index, "3 shards", "1.safetensors, 3.safetensors"}},
		{"tensor not in its shard", files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}`, "1.safetensors": "a"},
			[]string{index, `"b" is in 1.safetensors, but it is not`}},
		{"tensor in another shard", files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`, "1.safetensors": "a b", "2.safetensors": "c"},
			[]string{`"b" is in 2.safetensors, but it is not`}},
		{"unmentioned tensor twice", files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`, "1.safetensors": "a x", "2.safetensors": "b x"},
			[]string{`"x"`, "both 1.safetensors and 2.safetensors"}},
		{"index without map", files{"config.json": "{}", index: `{"metadata":{}}`}, []string{index, "weight_map is missing or empty"}},
		{"index with a list", files{"config.json": "{}", index: `{"weight_map":[]}`}, []string{index, "weight_map"}},
		{"index with a number", files{"config.json": "{}", index: `{"weight_map":{"a":1}}`}, []string{index, `"a" has no shard`}},
		{"index with null", files{"config.json": "{}", index: `{"weight_map":{"a":null}}`}, []string{index, `"a" has no shard`}},
		{"index that leads out", files{"config.json": "{}", index: `{"weight_map":{"a":"../x.safetensors"}}`}, []string{index, `"../x.safetensors"`, "beside the index"}},
		{"index names a tensor twice", files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`}, []string{index, `"a" appears twice`}},
		{"no tensors", files{"config.json": "{}", "model.safetensors": ""}, []string{"hold no tensors"}},
		{"end token is text", files{"config.json": `{"eos_token_id":"x"}`, "model.safetensors": "a"}, []string{"config.json", "eos_token_id", `"x"`}},
		{"negative end token", files{"config.json": "{}", "generation_config.json": `{"eos_token_id":[-1]}`, "model.safetensors": "a"}, []string{"generation_config.json", "-1 is no token id"}},
		{"template is a number", files{"config.json": "{}", "tokenizer_config.json": `{"chat_template":1}`, "model.safetensors": "a"}, []string{"tokenizer_config.json", "chat_template", "found 1"}},
		{"template without name", files{"config.json": "{}", "tokenizer_config.json": `{"chat_template":[{"template":"x"}]}`, "model.safetensors": "a"}, []string{"entry 1 has no name"}},
		{"templates of one name", files{"config.json": "{}", "tokenizer_config.json": `{"chat_template":[{"name":"a","template":"x"},{"name":"a","template":"y"}]}`, "model.safetensors": "a"}, []string{`two templates are named "a"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.in)
			f, err := Open(dir)
			if err == nil {
				f.Close()
				t.Fatal("no error")
			}
			for _, want := range append(c.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestTruncatedShardIsNamed(t *testing.T) {
	dir := folder(t, files{"config.json": "{}", index: `{"weight_map":{"a":"1.safetensors"}}`, "1.safetensors": "a"})
	shard := filepath.Join(dir, "1.safetensors")
	whole, err := os.ReadFile(shard)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shard, whole[:len(whole)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	for _, want := range []string{shard, index, `"a"`, "truncated"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestNotAFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	snapshot := filepath.Join(cache, "models--org--cached", "snapshots", "123")
	if err := os.MkdirAll(snapshot, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(snapshot, "config.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cache, "weights.bin")
	gguf := filepath.Join(cache, "m.gguf")
	for _, path := range []string{file, gguf} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		dir  string
		want []string
	}{
		{"org/name-1.5B", []string{"org/name-1.5B", "nothing is downloaded", "hf download org/name-1.5B --local-dir name-1.5B"}},
		{"org/cached", []string{"nothing is downloaded", snapshot}},
		{"./models/none/here", []string{"no model folder ./models/none/here", "nothing is downloaded"}},
		{"", []string{"nothing is downloaded"}},
		{file, []string{"is a file"}},
		{gguf, []string{"is a GGUF file", "not read yet"}},
	} {
		_, err := Open(c.dir)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Open(%q): error %v does not say %q", c.dir, err, want)
			}
		}
	}
}

// The index decides where a tensor is; one that it leaves out counts too.
func TestIndexDecides(t *testing.T) {
	f := mustOpen(t, folder(t, files{
		"config.json": "{}", index: `{"weight_map":{"a":"2.safetensors","b":"1.safetensors"}}`,
		"1.safetensors": "b a extra", "2.safetensors": "a",
	}))
	for name, file := range map[string]string{"a": "2.safetensors", "b": "1.safetensors", "extra": "1.safetensors"} {
		tensor, ok := f.Tensor(name)
		if !ok || filepath.Base(tensor.Path) != file {
			t.Errorf("%s is from %q, want %s", name, tensor.Path, file)
		}
	}
	if len(f.Tensors()) != 3 {
		t.Errorf("%d tensors, want 3", len(f.Tensors()))
	}
}

func TestOpenConfig(t *testing.T) {
	f, err := OpenConfig(folder(t, files{"config.json": `{"a":1}`, "chat_template.jinja": "T"}))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Config.Has("a") || len(f.ChatTemplates) != 1 || len(f.Tensors()) != 0 {
		t.Errorf("config %s, %d templates, %d tensors", f.Config.Bytes(), len(f.ChatTemplates), len(f.Tensors()))
	}
	if f, err := OpenConfig(folder(t, files{"config.json": `{"eos_token_id":"x"}`})); err == nil || f != nil {
		t.Errorf("a broken config: %v, %v", f, err)
	}
}
