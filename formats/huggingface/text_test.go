package huggingface

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChatTemplates(t *testing.T) {
	for _, c := range []struct {
		name string
		in   files
		want map[string]string // name to text
	}{
		{"none", files{}, map[string]string{}},
		{"null", files{"tokenizer_config.json": `{"chat_template":null}`}, map[string]string{}},
		{"a string", files{"tokenizer_config.json": `{"chat_template":"T"}`}, map[string]string{"default": "T"}},
		{"a list", files{"tokenizer_config.json": `{"chat_template":[{"name":"default","template":"T"},{"name":"tool_use","template":"U"}]}`},
			map[string]string{"default": "T", "tool_use": "U"}},
		{"a file of its own goes first", files{"tokenizer_config.json": `{"chat_template":"T"}`, "chat_template.jinja": "F\n"}, map[string]string{"default": "F\n"}},
		{"more files", files{"chat_template.jinja": "F", "additional_chat_templates/rag.jinja": "R"}, map[string]string{"default": "F", "rag": "R"}},
		{"a processor's file", files{"chat_template.json": `{"chat_template":"P"}`, "tokenizer_config.json": `{}`}, map[string]string{"default": "P"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in["config.json"], c.in["model.safetensors"] = "{}", "a"
			f := mustOpen(t, folder(t, c.in))
			got := map[string]string{}
			for _, template := range f.ChatTemplates {
				got[template.Name] = template.Text
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if template, ok := f.ChatTemplate(DefaultTemplate); ok != (c.want["default"] != "") || template.Text != c.want["default"] {
				t.Errorf("the default is %q, %v", template.Text, ok)
			}
		})
	}
}

func TestSpecialToken(t *testing.T) {
	f := mustOpen(t, folder(t, files{
		"config.json": "{}", "model.safetensors": "a",
		"tokenizer_config.json":   `{"bos_token":"<s>","eos_token":{"__type":"AddedToken","content":"</s>"},"pad_token":null,"unk_token":7}`,
		"special_tokens_map.json": `{"bos_token":"other","pad_token":{"content":"<pad>"}}`,
	}))
	for key, want := range map[string]string{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"} {
		if got, ok, err := f.SpecialToken(key); got != want || !ok || err != nil {
			t.Errorf("%s = %q, %v, %v; want %q", key, got, ok, err, want)
		}
	}
	if got, ok, err := f.SpecialToken("cls_token"); ok || err != nil {
		t.Errorf("cls_token = %q, %v, %v; want none", got, ok, err)
	}
	if _, _, err := f.SpecialToken("unk_token"); err == nil || !strings.Contains(err.Error(), "unk_token") {
		t.Errorf("a token that is a number: error %v", err)
	}
}

func TestEOSTokenIDs(t *testing.T) {
	for _, c := range []struct {
		config, generation string
		want               []int
	}{
		{`{"eos_token_id":2}`, ``, []int{2}},
		{`{"eos_token_id":[2,3]}`, `{}`, []int{2, 3}},
		{`{"eos_token_id":2}`, `{"eos_token_id":[128001,128009]}`, []int{128001, 128009}},
		{`{"eos_token_id":2}`, `{"eos_token_id":null}`, []int{2}},
		{`{"eos_token_id":null}`, `{}`, nil},
	} {
		in := files{"config.json": c.config, "model.safetensors": "a"}
		if c.generation != "" {
			in["generation_config.json"] = c.generation
		}
		if diff := cmp.Diff(c.want, mustOpen(t, folder(t, in)).EOSTokenIDs); diff != "" {
			t.Errorf("config %s, generation %s: %s", c.config, c.generation, diff)
		}
	}
}

func TestTokenizerPath(t *testing.T) {
	for _, c := range []struct {
		has     []string
		want    string
		wantErr string
	}{
		{has: []string{"tokenizer.json", "tekken.json", "tokenizer.model"}, want: "tokenizer.json"},
		{has: []string{"tekken.json", "tokenizer.model"}, want: "tekken.json"},
		{has: []string{"spiece.model", "vocab.txt"}, want: "spiece.model"},
		{has: []string{"merges.txt", "vocab.json"}, want: "vocab.json"},
		{has: []string{"vocab.txt"}, want: "vocab.txt"},
		{has: []string{"merges.txt"}, wantErr: "has no tokenizer: none of tokenizer.json"},
		{wantErr: "save_pretrained"},
	} {
		in := files{"config.json": "{}", "model.safetensors": "a"}
		for _, name := range c.has {
			in[name] = ""
		}
		f := mustOpen(t, folder(t, in))
		got, err := f.TokenizerPath()
		if c.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("with %v: error %v, want %s", c.has, err, c.wantErr)
			}
			continue
		}
		if err != nil || got != filepath.Join(f.Dir, c.want) {
			t.Errorf("with %v: %s, %v, want %s", c.has, got, err, c.want)
		}
	}
}

// An adapter's folder has no config.json to name the tokenizer's class.
func TestCopyTextToNamesTheClass(t *testing.T) {
	for _, c := range []struct {
		files files
		want  string
	}{
		{files{"config.json": `{"model_type":"llama"}`, "tokenizer.json": "T", "tokenizer_config.json": `{"eos_token":"</s>"}`}, `{"eos_token":"</s>","tokenizer_class":"PreTrainedTokenizerFast"}`},
		{files{"config.json": `{"model_type":"gpt2"}`, "vocab.json": "{}", "merges.txt": ""}, `{"tokenizer_class":"GPT2Tokenizer"}`},
		{files{"config.json": `{"model_type":"gpt2","tokenizer_class":"CodeGenTokenizer"}`, "vocab.json": "{}", "merges.txt": ""}, `{"tokenizer_class":"CodeGenTokenizer"}`},
		{files{"config.json": `{}`, "tokenizer.model": "", "tokenizer_config.json": `{"tokenizer_class":"LlamaTokenizer"}`}, `{"tokenizer_class":"LlamaTokenizer"}`},
		{files{"config.json": `{"model_type":"other"}`, "tokenizer.model": ""}, ""},
	} {
		f, err := OpenConfig(folder(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := f.CopyTextTo(dir); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(dir, "tokenizer_config.json"))
		if got := strings.Join(strings.Fields(string(text)), ""); got != c.want {
			t.Errorf("with %v: %s, want %s", c.files, got, c.want)
		}
		for name, content := range c.files {
			if copied, err := os.ReadFile(filepath.Join(dir, name)); name != "config.json" && name != "tokenizer_config.json" && (err != nil || string(copied) != content) {
				t.Errorf("%s: %q, %v", name, copied, err)
			}
		}
	}
}

func TestObject(t *testing.T) {
	const text = `{"z": 1, "a": "x", "n": null, "o": {"b": [1, 2]}}`
	o, err := ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"z", "a", "n", "o"}, o.Keys()); diff != "" {
		t.Error(diff)
	}
	if string(o.Bytes()) != text {
		t.Errorf("bytes %q", o.Bytes())
	}
	z := 5
	if ok, err := o.Decode("z", &z); z != 1 || !ok || err != nil {
		t.Errorf("z = %d, %v, %v", z, ok, err)
	}
	for _, key := range []string{"n", "missing"} {
		if ok, err := o.Decode(key, &z); z != 1 || ok || err != nil || o.Has(key) {
			t.Errorf("%s = %d, %v, %v", key, z, ok, err)
		}
	}
	if _, err := o.Decode("a", &z); err == nil || !strings.Contains(err.Error(), `"a": "x"`) {
		t.Errorf("a string as a number: error %v", err)
	}
	inner, err := o.Object("o")
	if err != nil || string(inner.Raw("b")) != "[1, 2]" {
		t.Errorf("inner %q, %v", inner.Raw("b"), err)
	}
}

// FuzzParseObject holds the parser against encoding/json.
func FuzzParseObject(f *testing.F) {
	for _, text := range []string{`{}`, ``, `{"a":1,"a":2}`, `{"a":[{"b":null}]}`, `{"a":1}x`, `[1]`, "{\n\"a\": \"\\u00e9\"", `{"a":1e999}`, `{"a" "b"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseObject(text)
		var theirs map[string]json.RawMessage
		their := json.Unmarshal(text, &theirs)
		if err != nil {
			return
		}
		if their != nil || len(theirs) != len(o.Keys()) {
			t.Fatalf("accepted %q with %d keys; encoding/json: %d keys, %v", text, len(o.Keys()), len(theirs), their)
		}
		for _, key := range o.Keys() {
			if string(o.Raw(key)) != string(theirs[key]) {
				t.Fatalf("%q: %q, encoding/json has %q", key, o.Raw(key), theirs[key])
			}
		}
	})
}

// FuzzOpen opens folders whose JSON files say anything at all. What opens has
// every tensor of the index, from a file inside the folder.
func FuzzOpen(f *testing.F) {
	const plain = `{"weight_map":{"a":"1.safetensors"}}`
	for _, c := range [][4]string{
		{`{"eos_token_id":2}`, plain, `{"chat_template":"x"}`, `{"eos_token_id":[2,3]}`},
		{`{"quantization_config":{"quant_method":"gptq"}}`, plain, `{}`, `{}`},
		{`{"text_config":{"quantization_config":null}}`, `{"weight_map":{"a":"../1.safetensors","b":null}}`, `{"chat_template":[{"name":"a","template":"b"}]}`, `{"eos_token_id":null}`},
		{`{"quantization":1,"text_config":[]}`, `{"weight_map":{"b":"1.safetensors"}}`, `{"chat_template":{}}`, `{"eos_token_id":"x"}`},
	} {
		f.Add([]byte(c[0]), []byte(c[1]), []byte(c[2]), []byte(c[3]))
	}
	shard, err := os.ReadFile(filepath.Join(folder(f, files{"1.safetensors": "a b"}), "1.safetensors"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, config, indexText, tokenizer, generation []byte) {
		dir := folder(t, files{
			"config.json": string(config), index: string(indexText), "tokenizer_config.json": string(tokenizer),
			"generation_config.json": string(generation),
		})
		if err := os.WriteFile(filepath.Join(dir, "1.safetensors"), shard, 0o644); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(dir)
		if err != nil {
			return
		}
		defer opened.Close()
		for _, tensor := range opened.Tensors() {
			if filepath.Dir(tensor.Path) != dir || tensor.Elements() != 2 {
				t.Fatalf("tensor %q from %s", tensor.Name, tensor.Path)
			}
		}
		if _, _, err := opened.SpecialToken("bos_token"); err != nil && !strings.Contains(err.Error(), dir) {
			t.Fatalf("an error without the folder: %v", err)
		}
	})
}
