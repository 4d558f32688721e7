package datasets

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Preference is a prompt with two answers of which one is better, for DPO and its kin.
// It understands the shapes in use: a prompt and two answers as strings or
// messages; two whole conversations; a conversation up to the answers; OpenAI's
// input, preferred_output and non_preferred_output.
type Preference struct{}

// Describe names the columns.
func (Preference) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "preference", Version: "1",
		Description: "a prompt, and two answers of which one is better (DPO)",
		Columns: append([]sdk.Column{
			{Name: "chosen", Required: true, Description: "the better answer, or the whole conversation with it: a string, a message or a list of messages; also chosen_messages, preferred_output"},
			{Name: "rejected", Required: true, Description: "the other answer, in the same form; also rejected_messages, non_preferred_output"},
			{Name: "prompt", Description: "what both answer: a string or a list of messages"},
			{Name: "conversations", Description: "the turns before the answers"},
			{Name: "messages", Description: "the turns before the answers"},
			{Name: "instruction", Description: "the prompt, as in alpaca"},
			{Name: "input", Description: "what goes with the instruction; OpenAI's input of messages and tools"},
			{Name: "system", Description: "the system message, where it is not a turn"},
			{Name: "tools", Description: "tool definitions: a JSON list, or a string that holds one"},
			{Name: "chosen_messages"}, {Name: "rejected_messages"},
			{Name: "preferred_output"}, {Name: "non_preferred_output"},
		}, turnColumns...),
	}
}

// Convert returns the two conversations.
func (Preference) Convert(r sdk.Record) (conversation.Conversation, error) {
	var c conversation.Conversation
	if err := refuseRecordMedia(r); err != nil {
		return c, err
	}
	chosen, err := readAnswer(r, "chosen", "chosen_messages", "preferred_output")
	if err != nil {
		return c, err
	}
	rejected, err := readAnswer(r, "rejected", "rejected_messages", "non_preferred_output")
	if err != nil {
		return c, err
	}
	prompt, tools, err := readPrompt(r)
	if err != nil {
		return c, err
	}
	if c.Tools = tools; tools == "" {
		if c.Tools, err = readTools(r); err != nil {
			return c, err
		}
	}
	c.Messages, c.Rejected, err = pair(prompt, chosen, rejected)
	return c, err
}

// readAnswer reads the first of the columns that a record has.
func readAnswer(r sdk.Record, columns ...string) ([]conversation.Message, error) {
	for _, column := range columns {
		v, ok := r.Value(column)
		if !ok {
			continue
		}
		if sdk.Kind(v) == "an object" {
			m, err := readTurn(v, shareKeys.of(r))
			if err != nil {
				return nil, fmt.Errorf("%q: %w", r.FieldName(column), err)
			}
			return []conversation.Message{m}, nil
		}
		return textOrTurns(r, column, assistant)
	}
	return nil, r.Missing(columns[0])
}

// readPrompt reads what both answers answer, nil where the conversations hold it.
func readPrompt(r sdk.Record) (prompt []conversation.Message, tools string, err error) {
	if v, ok := r.Value("input"); ok && sdk.Kind(v) == "an object" {
		return readOpenAIInput(r.FieldName("input"), v, messageKeys.of(r))
	}
	for _, column := range []string{"conversations", "messages", "prompt", "instruction"} {
		if v, ok := r.Value(column); ok && !isEmpty(v) {
			if prompt, err = textOrTurns(r, column, user); err != nil {
				return nil, "", err
			}
			if column == "instruction" {
				input, err := r.OptionalText("input")
				if err != nil {
					return nil, "", err
				}
				if input != "" {
					prompt[0].Content += "\n" + input
				}
			}
			break
		}
	}
	text, err := r.OptionalText("system")
	if err == nil && text != "" && len(prompt) > 0 && prompt[0].Role != system {
		prompt = append([]conversation.Message{{Role: system, Content: text}}, prompt...)
	}
	return prompt, "", err
}

func readOpenAIInput(name string, v json.RawMessage, keys turnKeys) (prompt []conversation.Message, tools string, err error) {
	var input struct{ Messages, Tools json.RawMessage }
	if err := json.Unmarshal(v, &input); err != nil || input.Messages == nil {
		return nil, "", fmt.Errorf("%q has no \"messages\"", name)
	}
	if prompt, err = turnsOf("messages", input.Messages, keys); err != nil {
		return nil, "", fmt.Errorf("%q: %w", name, err)
	}
	if input.Tools != nil && string(input.Tools) != "null" {
		tools, err = toolsOf("tools", input.Tools)
	}
	return prompt, tools, err
}

// pair makes whole conversations of a prompt and its answers. Answers that
// are conversations themselves bring the prompt with them.
func pair(prompt, chosen, rejected []conversation.Message) (better, worse []conversation.Message, err error) {
	if chosen[0].Role != assistant {
		prompt = nil // it is told twice
	}
	better, worse = join(prompt, chosen), join(prompt, rejected)
	shared := 0
	for shared < len(better) && shared < len(worse) && reflect.DeepEqual(plain(better[shared]), plain(worse[shared])) {
		shared++
	}
	// Answers that are equal throughout differ nowhere: the last is the answer.
	shared = min(shared, len(better)-1, len(worse)-1)
	if shared == 0 {
		if better[0].Role != assistant {
			return nil, nil, errors.New("the two conversations do not begin alike: want the same prompt with two answers")
		}
		return nil, nil, errors.New("the prompt is missing: want it in \"prompt\", \"conversations\" or \"messages\", or in both conversations")
	}
	for _, m := range [][]conversation.Message{better, worse} {
		if last := m[len(m)-1]; last.Role != assistant {
			return nil, nil, fmt.Errorf("an answer ends with a turn of the %s, want one of the assistant", last.Role)
		}
		if m[shared].Role != assistant {
			return nil, nil, fmt.Errorf("the two conversations first differ in a turn of the %s, want the same prompt with two answers", m[shared].Role)
		}
		onlyFrom(m, shared)
	}
	return better, worse, nil
}

func join(a, b []conversation.Message) []conversation.Message {
	return append(append([]conversation.Message(nil), a...), b...)
}

// plain is a message without its weight.
func plain(m conversation.Message) conversation.Message {
	m.Weight = nil
	return m
}

// onlyFrom keeps the turns before the answer from being trained.
func onlyFrom(messages []conversation.Message, answer int) {
	none := 0.0
	for i := range messages[:answer] {
		messages[i].Weight = &none
	}
}
