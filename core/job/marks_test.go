package job

import (
	"testing"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

func TestMark(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{"model":{"type":"WordLevel","vocab":{}},"added_tokens":[
		{"id":0,"content":"<eos>","special":true},{"id":1,"content":"_","special":true},{"id":2,"content":"<b>","special":false}]}`))
	if err != nil {
		t.Fatal(err)
	}
	text := &Text{Tokenizer: tok}
	for _, c := range []struct{ content, want string }{
		{"Hello there.", ""},
		{"Use <b> or [1] or {{ in a template }}, #1.", ""},
		{"<|im_start|>user", "<|im_start|>"},
		{"snake_case.<eos>", "<eos>"},
		{"snake_case", ""}, // a special token too short to tell
		{"I am {{name}}.", "{{name}}"},
		{"### Instruction:\nSay hello.", "### Instruction:"},
	} {
		for _, where := range []conversation.Conversation{
			{Text: c.content},
			{Messages: []conversation.Message{{Content: "Hi"}, {Content: c.content}}},
			{Messages: []conversation.Message{{Content: "Hi"}}, Rejected: []conversation.Message{{Content: c.content}}},
		} {
			if got := text.mark(where); got != c.want {
				t.Errorf("%+v: %q, wanted %q", where, got, c.want)
			}
		}
	}
}

func TestEmptyAndReversed(t *testing.T) {
	type messages = []conversation.Message
	none := 0.0
	system, user, answer := conversation.Message{Role: "system", Content: "s"}, conversation.Message{Role: "user", Content: "u"}, conversation.Message{Role: "assistant", Content: "a"}
	for _, c := range []struct {
		name            string
		c               conversation.Conversation
		empty, reversed bool
	}{
		{"as it should be", conversation.Conversation{Messages: messages{system, user, answer}}, false, false},
		{"an answer of space", conversation.Conversation{Messages: messages{user, {Role: "assistant", Content: " \n"}}}, true, false},
		{"one that is not learnt", conversation.Conversation{Messages: messages{user, {Role: "assistant", Weight: &none}, user, answer}}, false, false},
		{"a call is an answer", conversation.Conversation{Messages: messages{user, {Role: "assistant", ToolCalls: "[]"}}}, false, false},
		{"the worse answer", conversation.Conversation{Messages: messages{user, answer}, Rejected: messages{user, {Role: "assistant"}}}, true, false},
		{"roles swapped", conversation.Conversation{Messages: messages{system, answer, user}}, false, true},
		{"a greeting goes first", conversation.Conversation{Messages: messages{answer, user, answer}}, false, false},
		{"text", conversation.Conversation{Text: "t"}, false, false},
	} {
		if empty, reversed := hasEmptyAnswer(c.c), isReversed(c.c); empty != c.empty || reversed != c.reversed {
			t.Errorf("%s: empty %v, reversed %v", c.name, empty, reversed)
		}
	}
}

func TestIsLost(t *testing.T) {
	call := conversation.Message{Role: "assistant", ToolCalls: `[{"type": "function", "function": {"name": "weather", "arguments": "{}"}}]`}
	hello := conversation.Message{Role: "user", Content: " Hello \n"}
	for _, c := range []struct {
		name    string
		c       conversation.Conversation
		samples []string
		want    bool
	}{
		{"written, without the space around it", conversation.Conversation{Messages: []conversation.Message{hello}}, []string{"user: Hello"}, false},
		{"a turn is left out", conversation.Conversation{Messages: []conversation.Message{hello, {Content: "Bye"}}}, []string{"user: Hello"}, true},
		{"in one of the samples", conversation.Conversation{Messages: []conversation.Message{hello, {Content: "Bye"}}}, []string{"Hello", "Bye"}, false},
		{"a call is left out", conversation.Conversation{Messages: []conversation.Message{hello, call}}, []string{"Hello<end>"}, true},
		{"a call is written", conversation.Conversation{Messages: []conversation.Message{hello, call}}, []string{`Hello {"name": "weather"}`}, false},
		{"a field is left out", conversation.Conversation{Messages: []conversation.Message{hello}, Fields: map[string]string{"input": "1, 2"}}, []string{"Hello"}, true},
		{"text", conversation.Conversation{Text: "Once."}, []string{"Once."}, false},
	} {
		var samples []chat.Sample
		for _, text := range c.samples {
			samples = append(samples, chat.Sample{Text: text})
		}
		if got := isLost(c.c, samples); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
