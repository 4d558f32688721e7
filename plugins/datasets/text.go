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
	if err := refuseRecordMedia(r); err != nil {
		return c, err
	}
	for _, column := range []struct{ name, role string }{{"prompt", user}, {"completion", assistant}} {
		turns, err := textOrTurns(r, column.name, column.role)
		if err != nil {
			return c, err
		}
		c.Messages = append(c.Messages, turns...)
	}
	var err error
	c.Tools, err = readTools(r)
	return c, err
}

// textOrTurns reads a column that is a string, said by role, or a list of
// messages. Only an answer may be empty.
func textOrTurns(r sdk.Record, column, role string) ([]conversation.Message, error) {
	v, ok := r.Value(column)
	if !ok {
		return nil, r.Missing(column)
	}
	if sdk.Kind(v) == "a list" {
		return readTurns(r, column, messageKeys)
	}
	text, err := r.Text(column)
	if err != nil {
		return nil, fmt.Errorf("%q is %s, want a string or a list of messages", r.FieldName(column), sdk.Kind(v))
	}
	if text == "" && role == user {
		return nil, fmt.Errorf("%q is empty", r.FieldName(column))
	}
	return []conversation.Message{{Role: role, Content: text}}, nil
}
