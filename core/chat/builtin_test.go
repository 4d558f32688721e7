package chat

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/core/conversation"
)

// goldenMessage is a message as OpenAI writes it.
type goldenMessage struct {
	Role, Content string
	Calls         json.RawMessage `json:"tool_calls"`
	CallID        string          `json:"tool_call_id"`
}

func conversationOf(messages []goldenMessage, tools json.RawMessage) conversation.Conversation {
	var c conversation.Conversation
	for _, m := range messages {
		c.Messages = append(c.Messages, conversation.Message{Role: m.Role, Content: m.Content, ToolCalls: string(m.Calls), ToolCallID: m.CallID})
	}
	if string(tools) != "null" {
		c.Tools = string(tools)
	}
	return c
}

// TestBuiltinsLayOutAsTheModelsDo compares with the models' own templates
// (testdata/make_builtin_goldens.py).
func TestBuiltinsLayOutAsTheModelsDo(t *testing.T) {
	data, err := os.ReadFile("testdata/builtin_goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []struct {
		Builtin, Text string
		Messages      []goldenMessage
		Tools         json.RawMessage
		Prompt        bool
	}
	if err := json.Unmarshal(data, &goldens); err != nil {
		t.Fatal(err)
	}
	for i, g := range goldens {
		t.Run(fmt.Sprint(g.Builtin, " ", i), func(t *testing.T) {
			tmpl, err := Builtin(g.Builtin, special)
			if err != nil {
				t.Fatal(err)
			}
			full, err := tmpl.layOut(conversationOf(g.Messages, g.Tools), g.Prompt)
			if err != nil || full != g.Text {
				t.Errorf("text %v\n got %q\nwant %q", err, full, g.Text)
			}
		})
	}
}

// layOut is the whole text of a conversation.
func (t *Template) layOut(c conversation.Conversation, prompt bool) (string, error) {
	messages, err := values(c.Messages)
	if err != nil {
		return "", err
	}
	r, err := t.render(c, messages, false, prompt)
	return r.text, err
}

// TestFileBeginsAsTokenizeDoes asks the written template as another program does,
// which adds no tokens.
func TestFileBeginsAsTokenizeDoes(t *testing.T) {
	for _, c := range []struct{ builtin, tokenizer string }{
		{"chatml", "llama3"}, {"llama3", "llama3"}, {"mistral", "llama2"}, {"alpaca", "llama2"}, {"chatml", "smollm"},
	} {
		t.Run(c.builtin+" with "+c.tokenizer, func(t *testing.T) {
			tok := loadTokenizer(t, c.tokenizer)
			builtin, err := Builtin(c.builtin, special)
			if err != nil {
				t.Fatal(err)
			}
			var prompts [2]Tokens
			for i, tmpl := range []*Template{builtin, mustNew(t, c.builtin, builtin.File(tok))} {
				samples, err := tmpl.Render(probe, Options{AddGenerationPrompt: true})
				if err != nil {
					t.Fatal(err)
				}
				if prompts[i], err = Tokenize(tok, samples[0]); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(prompts[0].IDs, prompts[1].IDs) {
				t.Errorf("the file makes %v, the template %v", prompts[1].IDs, prompts[0].IDs)
			}
		})
	}
}
