// Command loraedge-data-faq makes {"q": …, "a": …} a dataset type, "faq".
package main

import (
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

type faq struct{}

func (faq) Describe() sdk.DatasetType {
	return sdk.DatasetType{Name: "faq", Version: "1", Description: "a question and its answer", Columns: []sdk.Column{
		{Name: "q", Required: true, Description: "the question"},
		{Name: "a", Required: true, Description: "the answer"},
	}}
}

func (faq) Convert(r sdk.Record) (conversation.Conversation, error) {
	question, err := r.Text("q")
	if err != nil {
		return conversation.Conversation{}, err
	}
	answer, err := r.Text("a")
	return conversation.Conversation{Messages: []conversation.Message{
		{Role: "user", Content: question}, {Role: "assistant", Content: answer},
	}}, err
}

func main() { sdk.Serve(sdk.Plugin{Datasets: []sdk.Dataset{faq{}}}) }
