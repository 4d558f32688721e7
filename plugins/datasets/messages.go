package datasets

import (
	"fmt"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Messages is the format of OpenAI's chat completions: a list of role and
// content, with tool calls, and a weight for each message where one is given.
type Messages struct{}

// messageKeys are the names of a turn's parts in this format.
var messageKeys = turnKeys{role: []string{"role", "from"}, content: []string{"content", "value"}}

// Describe names the columns.
func (Messages) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "messages", Version: "1",
		Description: `a list of messages, each {"role": …, "content": …}`,
		Columns: append([]sdk.Column{
			{Name: "messages", Required: true, Description: "role is system, developer, user, assistant or tool; content a string or a list of text parts; tool_calls, weight or loss_weight as needed"},
			{Name: "documents", Description: "documents for the chat template: a JSON list"},
			{Name: "tools", Description: "tool definitions: a JSON list, or a string that holds one"},
		}, turnColumns...),
	}
}

// Convert returns the messages.
func (Messages) Convert(r sdk.Record) (conversation.Conversation, error) {
	var c conversation.Conversation
	err := refuseRecordMedia(r)
	if err != nil {
		return c, err
	}
	if c.Messages, err = readTurns(r, "messages", messageKeys); err != nil {
		return c, err
	}
	if v, ok := r.Value("documents"); ok {
		if sdk.Kind(v) != "a list" {
			return c, fmt.Errorf("%q is %s, want a list", r.FieldName("documents"), sdk.Kind(v))
		}
		c.Documents = string(v)
	}
	c.Tools, err = readTools(r)
	return c, err
}
