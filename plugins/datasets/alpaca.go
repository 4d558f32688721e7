package datasets

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Alpaca is instruction, input and output, with a system message and earlier
// turns where they are given.
type Alpaca struct{}

// Describe names the columns.
func (Alpaca) Describe() sdk.DatasetType {
	return sdk.DatasetType{
		Name: "alpaca", Version: "1",
		Description: "an instruction with an optional input, and the output it should have",
		Columns: []sdk.Column{
			{Name: "instruction", Required: true, Description: "what to do"},
			{Name: "input", Description: "what to do it with"},
			{Name: "output", Required: true, Description: "the answer to learn"},
			{Name: "system", Description: "the system message"},
			{Name: "history", Description: "earlier turns, a list of [instruction, output]"},
		},
	}
}

// Convert returns the record as turns and, where it is no more than its three
// fields, as Fields too, for the alpaca template.
func (Alpaca) Convert(r sdk.Record) (conversation.Conversation, error) {
	var c conversation.Conversation
	if err := refuseRecordMedia(r); err != nil {
		return c, err
	}
	text := map[string]string{}
	for _, column := range []struct {
		name string
		read func(string) (string, error)
	}{
		{"instruction", r.Text}, {"input", r.OptionalText}, {"output", r.Text}, {"system", r.OptionalText},
	} {
		var err error
		if text[column.name], err = column.read(column.name); err != nil {
			return c, err
		}
	}
	prompt := text["instruction"]
	switch {
	case prompt == "" && text["input"] == "":
		return c, fmt.Errorf("%q is empty", r.FieldName("instruction"))
	case prompt == "":
		prompt = text["input"]
	case text["input"] != "":
		prompt += "\n" + text["input"]
	}
	history, err := alpacaHistory(r)
	if err != nil {
		return c, err
	}
	if text["system"] != "" {
		c.Messages = append(c.Messages, conversation.Message{Role: system, Content: text["system"]})
	}
	c.Messages = append(c.Messages, history...)
	c.Messages = append(c.Messages,
		conversation.Message{Role: user, Content: prompt},
		conversation.Message{Role: assistant, Content: text["output"]})
	if len(c.Messages) == 2 {
		c.Fields = map[string]string{
			"instruction": text["instruction"], "input": text["input"], "output": text["output"],
		}
	}
	return c, nil
}

// alpacaHistory is the earlier turns, each [instruction, output].
func alpacaHistory(r sdk.Record) ([]conversation.Message, error) {
	if _, ok := r.Value("history"); !ok {
		return nil, nil
	}
	list, err := historyList(r)
	if err != nil {
		return nil, err
	}
	var turns []conversation.Message
	for i, raw := range list {
		var pair []string
		if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("%q, turn %d is not a list of two strings, [instruction, output]", r.FieldName("history"), i+1)
		}
		turns = append(turns,
			conversation.Message{Role: user, Content: pair[0]},
			conversation.Message{Role: assistant, Content: pair[1]})
	}
	return turns, nil
}

// historyList is the list of earlier turns, or what a table's cell has of it.
func historyList(r sdk.Record) ([]json.RawMessage, error) {
	text, err := r.Text("history")
	if err != nil {
		return r.List("history")
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, fmt.Errorf("%q is a string, want a list of [instruction, output]", r.FieldName("history"))
	}
	return list, nil
}
