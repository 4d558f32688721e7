package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/formats/tokenizer"
	"github.com/loraedge/loraedge/tools/demo/corpus"
)

func TestCountWords(t *testing.T) {
	tests := []struct {
		text string
		want map[string]int
	}{
		{"a cat, a hat", map[string]int{"a": 1, "Ġcat": 1, ",": 1, "Ġa": 1, "Ġhat": 1}},
		{"Anna's  2\n", map[string]int{"Anna": 1, "'s": 1, "Ġ": 1, "Ġ2": 1, "Ċ": 1}},
		{"<|im_start|>user\nHi<|im_end|>\n", map[string]int{"user": 1, "Ċ": 2, "Hi": 1}},
		{"é", map[string]int{"Ã©": 1}},
		{"<|endoftext|>", map[string]int{}},
	}
	for _, test := range tests {
		got := map[string]int{}
		if err := countWords(got, test.text); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(test.want) {
			t.Errorf("words of %q: %v, want %v", test.text, got, test.want)
		}
		for w, n := range test.want {
			if got[w] != n {
				t.Errorf("words of %q: %d of %q, want %d", test.text, got[w], w, n)
			}
		}
	}
}

// The example of Sennrich et al. 2016, figure 1, without its end-of-word mark.
func TestTrain(t *testing.T) {
	counts := map[string]int{"low": 5, "lower": 2, "newest": 6, "widest": 3}
	v := train(counts, 1_000_000)
	var merges []string
	for _, p := range v.merges[:4] {
		merges = append(merges, v.tokens[p.left]+"+"+v.tokens[p.right])
	}
	// e+s and s+t stand 9 times each: the pair with the lower ids is first.
	if want := []string{"e+s", "es+t", "l+o", "lo+w"}; !slices.Equal(merges, want) {
		t.Errorf("merges %v, want %v", merges, want)
	}
	if got := v.tokens[len(v.tokens)-1]; counts[got] == 0 && !strings.Contains("lower newest widest", got) {
		t.Errorf("the last token %q is part of no word", got)
	}
	if want := len(specials) + 256 + len(v.merges); len(v.tokens) != want {
		t.Errorf("%d tokens, want %d", len(v.tokens), want)
	}
}

func TestCommittedTokenizerIsUpToDate(t *testing.T) {
	var texts bytes.Buffer
	if err := corpus.Write(&texts, corpus.DefaultSeed, defaultDocuments); err != nil {
		t.Fatal(err)
	}
	counts, err := readWords(&texts, defaultDocuments)
	if err != nil {
		t.Fatal(err)
	}
	want, err := train(counts, defaultSize).encodeJSON()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "..", "demo", "model", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("demo/model/tokenizer.json is not what the corpus gives: run make demo-model")
	}
}

// encoded.json is what Hugging Face's tokenizers make of our tokenizer.json
// (check_tokenizer.py); this program's own reader must agree.
func TestEncodesAsHuggingFace(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "encoded.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text string
		IDs  []int32
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	ours, err := tokenizer.Load(filepath.Join("..", "..", "..", "demo", "model", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		tokens, err := ours.Encode(c.Text)
		if err != nil {
			t.Fatal(err)
		}
		var got []int32
		for _, token := range tokens {
			got = append(got, token.ID)
		}
		if !slices.Equal(got, c.IDs) {
			t.Errorf("%q: %v, want %v", c.Text, got, c.IDs)
		}
		if back := ours.Decode(c.IDs, false); back != c.Text {
			t.Errorf("%q is decoded as %q", c.Text, back)
		}
	}
}

func TestRunErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct{ corpus, err string }{
		{filepath.Join(dir, "absent.jsonl"), "opening the corpus"},
		{write("broken.jsonl", "{\"text\":\"a\"}\n{\"text\":"), "document 2"},
		{write("small.jsonl", "{\"text\":\"a cat\"}\n"), "gives 259 tokens, not 2048"},
	}
	for _, test := range tests {
		err := run(test.corpus, defaultDocuments, defaultSize, filepath.Join(dir, "tokenizer.json"))
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: error %v, want one with %q", test.corpus, err, test.err)
		}
	}
}
