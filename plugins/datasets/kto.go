package datasets

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// KTO is a conversation and whether its answer is one to learn or one to avoid.
type KTO struct{}

// Describe names the columns.
func (KTO) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "kto", Version: "1",
		Description: "a conversation, and a label that says whether its answer is desirable",
		Columns: append([]sdk.Column{
			{Name: "label", Required: true, Description: "true or false; kto_tag is understood too"},
			{Name: "kto_tag"},
			{Name: "messages", Description: "the conversation; or conversations, or prompt and completion, or instruction, input and output"},
			{Name: "conversations"}, {Name: "prompt"}, {Name: "completion"},
			{Name: "instruction"}, {Name: "input"}, {Name: "output"},
			{Name: "system", Description: "the system message, where it is not a turn"},
			{Name: "tools", Description: "tool definitions: a JSON list, or a string that holds one"},
		}, turnColumns...),
	}
}

// Convert returns the conversation with its label.
func (KTO) Convert(r sdk.Record) (conversation.Conversation, error) {
	label, err := readLabel(r)
	if err != nil {
		return conversation.Conversation{}, err
	}
	has := func(column string) bool { _, ok := r.Value(column); return ok }
	var c conversation.Conversation
	switch {
	case has("messages"):
		c, err = Messages{}.Convert(r)
	case has("conversations"):
		c, err = ShareGPT{}.Convert(r)
	case has("prompt"):
		c, err = Prompt{}.Convert(r)
	case has("instruction"):
		c, err = Alpaca{}.Convert(r)
	default:
		err = fmt.Errorf("the conversation is missing: want \"messages\", \"conversations\", \"prompt\" and \"completion\", or \"instruction\" and \"output\"")
	}
	if err != nil {
		return c, err
	}
	n := len(c.Messages)
	if c.Messages[n-1].Role != assistant {
		return c, fmt.Errorf("the conversation ends with a turn of the %s, want one of the assistant", c.Messages[n-1].Role)
	}
	onlyFrom(c.Messages, n-1)
	c.Label, c.Fields = &label, nil
	return c, nil
}

// readLabel reads true or false, also as 1 or 0, and as the strings that a table has.
func readLabel(r sdk.Record) (bool, error) {
	name := "label"
	v, ok := r.Value(name)
	if !ok {
		if v, ok = r.Value("kto_tag"); !ok {
			return false, r.Missing(name)
		}
		name = "kto_tag"
	}
	text := string(v)
	if json.Unmarshal(v, &text) != nil {
		text = string(v)
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is %s, want true (desirable) or false", r.FieldName(name), shorten(string(v)))
}
