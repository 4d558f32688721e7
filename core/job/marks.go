package job

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/conversation"
)

// templateMarks are what chat templates in use write between turns. Text that
// holds one was laid out once already, or will be read as a turn's end.
var templateMarks = []string{
	"<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>",
	"<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|endoftext|>", "[INST]", "[/INST]", "<<SYS>>", "<s>", "</s>",
	"### Instruction:", "### Response:",
}

// mark is a mark of a chat template, or a special token of the model, in the
// text of a conversation; "" for none.
func (t *Text) mark(c conversation.Conversation) string {
	if m := t.markIn(c.Text); m != "" {
		return m
	}
	for _, messages := range [][]conversation.Message{c.Messages, c.Rejected} {
		for _, m := range messages {
			if found := t.markIn(m.Content); found != "" {
				return found
			}
		}
	}
	return ""
}

func (t *Text) markIn(text string) string {
	for _, m := range templateMarks {
		if strings.Contains(text, m) {
			return m
		}
	}
	if m := t.Tokenizer.FindSpecial(text, 3); m != "" {
		return m
	}
	if strings.Contains(text, "{{") {
		return placeHolder.FindString(text)
	}
	return ""
}

// placeHolder is what was to be filled in: {{name}}.
var placeHolder = regexp.MustCompile(`\{\{ ?[A-Za-z_]{1,40} ?\}\}`)

// isLost says whether a turn's text or a tool call is in none of the samples
// as it stands in the record: the template has no place for it.
func isLost(c conversation.Conversation, samples []chat.Sample) bool {
	written := func(text string) bool {
		for _, s := range samples {
			if strings.Contains(s.Text, text) {
				return true
			}
		}
		return false
	}
	if len(c.Fields) > 0 {
		for _, text := range c.Fields {
			if !written(strings.TrimSpace(text)) {
				return true
			}
		}
		return false
	}
	for _, m := range c.Messages {
		if !written(strings.TrimSpace(m.Content)) {
			return true
		}
		for _, name := range callNames(m.ToolCalls) {
			if !written(name) {
				return true
			}
		}
	}
	return false
}

// hasEmptyAnswer says whether an answer says nothing: what is learnt of it is to say nothing.
func hasEmptyAnswer(c conversation.Conversation) bool {
	return slices.ContainsFunc(append(slices.Clone(c.Messages), c.Rejected...), func(m conversation.Message) bool {
		return m.Role == "assistant" && m.ToolCalls == "" && (m.Weight == nil || *m.Weight != 0) && strings.TrimSpace(m.Content+m.Reasoning) == ""
	})
}

// isReversed says whether a conversation begins with an answer and ends with a question, as
// one does whose roles were taken for each other.
func isReversed(c conversation.Conversation) bool {
	turns := slices.DeleteFunc(slices.Clone(c.Messages), func(m conversation.Message) bool { return m.Role == "system" })
	return len(turns) > 1 && turns[0].Role == "assistant" && turns[len(turns)-1].Role == "user"
}

// callNames are the functions that a message calls.
func callNames(toolCalls string) []string {
	var calls []struct{ Function struct{ Name string } }
	if toolCalls == "" || json.Unmarshal([]byte(toolCalls), &calls) != nil {
		return nil
	}
	var names []string
	for _, c := range calls {
		names = append(names, c.Function.Name)
	}
	return names
}
