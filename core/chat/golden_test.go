package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/formats/tokenizer"
)

// golden is what Transformers makes of a conversation
// (testdata/make_goldens.py).
type golden struct {
	Template, Tokenizer, Name string
	Messages                  []goldenMessage
	Tools                     json.RawMessage
	Prompt                    string // the messages but the last, with a generation prompt
	Text                      string
	IDs                       []int32
	Mask                      []int
	Error                     string
}

var special = Special{"bos_token": "<s>", "eos_token": "</s>"}

func loadTokenizer(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load(filepath.Join("../../formats/tokenizer/testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func loadTemplate(t testing.TB, name string) string {
	t.Helper()
	source, err := os.ReadFile("testdata/" + name + ".jinja")
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

func mustNew(t testing.TB, name, source string) *Template {
	t.Helper()
	tmpl, err := New(name, source, special)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func readGoldens(t *testing.T) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []golden
	if err := json.Unmarshal(data, &goldens); err != nil {
		t.Fatal(err)
	}
	return goldens
}

func TestRendersAndMasksLikeTransformers(t *testing.T) {
	for _, g := range readGoldens(t) {
		t.Run(g.Template+"/"+g.Name, func(t *testing.T) {
			tmpl := mustNew(t, g.Template, loadTemplate(t, g.Template))
			c := conversationOf(g.Messages, g.Tools)
			samples, err := tmpl.Render(c, Options{})
			if g.Error != "" {
				if err == nil {
					t.Fatalf("rendered %q, want the error %q", samples[0].Text, g.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if samples[0].Text != g.Text {
				t.Fatalf("text\n got %q\nwant %q", samples[0].Text, g.Text)
			}
			c.Messages = c.Messages[:len(c.Messages)-1]
			prompt, err := tmpl.Render(c, Options{AddGenerationPrompt: true})
			if err != nil || prompt[0].Text != g.Prompt {
				t.Errorf("prompt\n got %q, %v\nwant %q", prompt[0].Text, err, g.Prompt)
			}
			tokens, err := Tokenize(loadTokenizer(t, g.Tokenizer), samples[0])
			if err != nil || !slices.Equal(tokens.IDs, g.IDs) {
				t.Fatalf("ids\n got %v, %v\nwant %v", tokens.IDs, err, g.IDs)
			}
			mask := make([]int, len(tokens.Weights))
			for i, w := range tokens.Weights {
				mask[i] = int(w)
			}
			if !slices.Equal(mask, g.Mask) {
				t.Errorf("mask\n got %v\nwant %v", mask, g.Mask)
			}
		})
	}
}

// TestFindsWhatTheBlocksMark lays the goldens out with templates that lost their
// generation blocks: the same tokens are trained.
func TestFindsWhatTheBlocksMark(t *testing.T) {
	for _, g := range readGoldens(t) {
		// This template rewrites earlier turns; those do not write tool calls, and
		// then nothing is trained of a turn that is one.
		if g.Error != "" || g.Template == "thinking" || (g.Template == "smollm" || g.Template == "zephyr") && g.Name == "tools" {
			continue
		}
		t.Run(g.Template+"/"+g.Name, func(t *testing.T) {
			c := conversationOf(g.Messages, g.Tools)
			samples, err := mustNew(t, g.Template, withoutGeneration(loadTemplate(t, g.Template))).Render(c, Options{EndOfTurn: []string{"<|eot|>"}})
			if err != nil || len(samples) != 1 {
				t.Fatalf("%d samples, %v, want one", len(samples), err)
			}
			tokens, err := Tokenize(loadTokenizer(t, g.Tokenizer), samples[0])
			if err != nil || !slices.Equal(tokens.IDs, g.IDs) {
				t.Fatalf("ids\n got %v, %v\nwant %v", tokens.IDs, err, g.IDs)
			}
			mask := make([]int, len(tokens.Weights))
			for i, w := range tokens.Weights {
				mask[i] = int(w)
			}
			if !slices.Equal(mask, g.Mask) {
				t.Errorf("mask of %q\n got %v\nwant %v", g.Text, mask, g.Mask)
			}
		})
	}
}
