package datasets

import (
	"fmt"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Completion is plain text, all of which is trained on.
type Completion struct{}

// Describe names the columns.
func (Completion) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "completion", Version: "1", Description: "plain text, all of it to learn",
		Columns: []sdk.Column{{Name: "text", Required: true, Description: "the text"}},
	}
}

// Convert returns the text.
func (Completion) Convert(r sdk.Record) (conversation.Conversation, error) {
	text, err := r.Text("text")
	if err == nil && text == "" {
		err = fmt.Errorf("%q is empty", r.FieldName("text"))
	}
	return conversation.Conversation{Text: text}, err
}

// Prompt is a prompt and its completion, each a string or a list of messages.
type Prompt struct{}

// Describe names the columns.
func (Prompt) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "prompt", Version: "1", Description: "a prompt and the completion to learn",
		Columns: []sdk.Column{
			{Name: "prompt", Required: true, Description: "a string, or a list of messages"},
			{Name: "completion", Required: true, Description: "a string, or a list of messages"},
			{Name: "tools", Description: "tool definitions: a JSON list, or a string that holds one"},
		},
	}
}

// Convert returns the turns of prompt and completion.
func (Prompt) Convert(r sdk.Record) (conversation.Conversation, error) {
	var c conversation.Conversation
	for _, column := range []struct{ name, role string }{{"prompt", user}, {"completion", assistant}} {
		v, ok := r.Value(column.name)
		if !ok {
			return c, r.Missing(column.name)
		}
		if sdk.Kind(v) == "a list" {
			turns, err := readTurns(r, column.name, messageKeys)
			if err != nil {
				return c, err
			}
			c.Messages = append(c.Messages, turns...)
			continue
		}
		text, err := r.Text(column.name)
		if err != nil {
			return c, fmt.Errorf("%q is %s, want a string or a list of messages", r.FieldName(column.name), sdk.Kind(v))
		}
		if text == "" && column.role == user {
			return c, fmt.Errorf("%q is empty", r.FieldName(column.name))
		}
		c.Messages = append(c.Messages, conversation.Message{Role: column.role, Content: text})
	}
	var err error
	c.Tools, err = readTools(r)
	return c, err
}
