package datasets

import (
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// ShareGPT is a list of turns with from and value; role and content are
// understood as well.
type ShareGPT struct{}

var shareKeys = turnKeys{role: []string{"from", "role"}, content: []string{"value", "content"}}

// Describe names the columns.
func (ShareGPT) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "sharegpt", Version: "1",
		Description: `a list of turns, each {"from": "human" or "gpt", "value": …}`,
		Columns: append([]sdk.Column{
			{Name: "conversations", Required: true, Description: "from is system, human, gpt, function_call, observation or tool; or role and content"},
			{Name: "system", Description: "the system message, where it is not a turn"},
			{Name: "tools", Description: "tool definitions: a JSON list, or a string that holds one"},
		}, turnColumns...),
	}
}

// Convert returns the turns.
func (ShareGPT) Convert(r sdk.Record) (conversation.Conversation, error) {
	var c conversation.Conversation
	if err := refuseRecordMedia(r); err != nil {
		return c, err
	}
	text, err := r.OptionalText("system")
	if err != nil {
		return c, err
	}
	turns, err := readTurns(r, "conversations", shareKeys)
	if err != nil {
		return c, err
	}
	if text != "" && turns[0].Role != system {
		c.Messages = append(c.Messages, conversation.Message{Role: system, Content: text})
	}
	c.Messages = append(c.Messages, turns...)
	c.Tools, err = readTools(r)
	return c, err
}
