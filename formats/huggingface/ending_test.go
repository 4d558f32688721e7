package huggingface

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteEnding(t *testing.T) {
	const generation, settings, special = "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"
	end := Ending{Token: "<|im_end|>", ID: 9}
	kept := Ending{Token: "<|im_end|>", ID: 9, KeepEOS: true}
	for _, c := range []struct {
		name  string
		end   Ending
		files files
		want  files // without space; all of these that dir has
	}{
		{"a base model that learns to chat", end,
			files{"config.json": "{}", generation: `{"top_p":0.8,"eos_token_id":2}`, settings: `{"eos_token":"</s>","pad_token":"<p>"}`, special: `{"eos_token":{"content":"</s>"}}`},
			files{generation: `{"eos_token_id":[9,2],"top_p":0.8}`, settings: `{"eos_token":"<|im_end|>","pad_token":"<p>"}`, special: `{"eos_token":"<|im_end|>"}`}},
		{"one that stops there anyway", end,
			files{"config.json": "{}", generation: `{"eos_token_id":[2,9]}`, settings: `{"eos_token":"</s>"}`},
			files{settings: `{"eos_token":"</s>"}`}},
		{"without generation_config.json", end,
			files{"config.json": `{"bos_token_id":1,"eos_token_id":[2],"pad_token_id":null,"vocab_size":10}`, settings: `{"eos_token":"</s>"}`, special: `{"bos_token":"<s>"}`},
			files{generation: `{"bos_token_id":1,"eos_token_id":[9,2]}`, settings: `{"eos_token":"<|im_end|>"}`, special: `{"bos_token":"<s>"}`}},
		{"the template writes eos_token for something else", kept,
			files{"config.json": `{"eos_token_id":2}`, settings: `{"eos_token":"</s>"}`},
			files{generation: `{"eos_token_id":[9,2]}`, settings: `{"eos_token":"</s>"}`}},
		{"a tokenizer that knows it, a model that does not", end,
			files{"config.json": `{}`, settings: `{"eos_token":"<|im_end|>"}`},
			files{generation: `{"eos_token_id":[9]}`, settings: `{"eos_token":"<|im_end|>"}`}},
		{"no settings at all", end, files{"config.json": `{}`}, files{generation: `{"eos_token_id":[9]}`, settings: `{"eos_token":"<|im_end|>"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := OpenConfig(folder(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := CopyText(dir, f.Dir); err != nil {
				t.Fatal(err)
			}
			if err := f.WriteEnding(dir, c.end); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{generation, settings, special} {
				text, _ := os.ReadFile(filepath.Join(dir, name))
				if got := strings.Join(strings.Fields(string(text)), ""); got != c.want[name] {
					t.Errorf("%s: %s, want %s", name, got, c.want[name])
				}
			}
		})
	}
}
