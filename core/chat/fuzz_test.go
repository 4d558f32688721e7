package chat

import (
	"testing"

	"github.com/loraedge/loraedge/core/conversation"
)

// FuzzRender lays a conversation out with any template: it comes to an end,
// and what is trained lies in the text, in order and apart.
func FuzzRender(f *testing.F) {
	for _, name := range []string{"llama3", "qwen2", "mistral", "zephyr", "smollm", "thinking"} {
		source := loadTemplate(f, name)
		f.Add(source, "Hi", "<think>\na\n</think>\n\nHello</s>", "", "turn")
		f.Add(withoutGeneration(source), "", " ", "", "all")
	}
	f.Add("{{ messages }}", "a", "b", `[{"function": {"name": "f", "arguments": "{}"}}]`, "last")
	f.Fuzz(func(t *testing.T, source, user, assistant, calls, eos string) {
		tmpl, err := New("fuzz", source, special)
		if err != nil {
			return
		}
		c := conversation.Conversation{Messages: []conversation.Message{
			{Role: "user", Content: user}, {Role: "assistant", Content: assistant, ToolCalls: calls},
			{Role: "user", Content: user}, {Role: "assistant", Content: assistant},
		}}
		for _, o := range []Options{{TrainOnEOS: eos, EndOfTurn: []string{"<|eot|>"}}, {RolesToTrain: []string{"user", "assistant"}, TrainOnEOS: "none"}} {
			samples, err := tmpl.Render(c, o)
			if err != nil {
				return
			}
			for _, s := range samples {
				end := 0
				for _, span := range s.Spans {
					if span.Start < end || span.End <= span.Start || span.End > len(s.Text) {
						t.Fatalf("spans %v of %d bytes: %q", s.Spans, len(s.Text), s.Text)
					}
					end = span.End
				}
			}
		}
	})
}
