package protocol

import (
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// Result is what became of one record: a conversation, or an error for the
// user that says what was found and what was wanted.
type Result struct {
	Conversation conversation.Conversation
	Error        string
}

// ResultToWire converts the result of one record.
func ResultToWire(r Result) *pb.Result {
	if r.Error != "" {
		return &pb.Result{Error: Text(r.Error)}
	}
	c := r.Conversation
	w := &pb.Conversation{Text: Text(c.Text), Tools: Text(c.Tools), Documents: Text(c.Documents)}
	w.Messages, w.Rejected, w.Label = messagesToWire(c.Messages), messagesToWire(c.Rejected), c.Label
	if c.Fields != nil {
		w.Fields = make(map[string]string, len(c.Fields))
		for name, value := range c.Fields {
			w.Fields[Text(name)] = Text(value)
		}
	}
	return &pb.Result{Conversation: w}
}

// ResultFromWire is the reverse of ResultToWire. The conversation is as
// unchecked as the message.
func ResultFromWire(w *pb.Result) Result {
	c := w.GetConversation()
	r := Result{Error: w.GetError()}
	r.Conversation = conversation.Conversation{Text: c.GetText(), Tools: c.GetTools(), Documents: c.GetDocuments(), Fields: c.GetFields()}
	r.Conversation.Messages, r.Conversation.Rejected = messagesFromWire(c.GetMessages()), messagesFromWire(c.GetRejected())
	if c != nil {
		r.Conversation.Label = c.Label
	}
	return r
}

func messagesToWire(messages []conversation.Message) []*pb.Message {
	var out []*pb.Message
	for _, m := range messages {
		out = append(out, &pb.Message{
			Role: Text(m.Role), Content: Text(m.Content), ToolCalls: Text(m.ToolCalls), Weight: m.Weight,
			Name: Text(m.Name), ToolCallId: Text(m.ToolCallID), Reasoning: Text(m.Reasoning),
		})
	}
	return out
}

func messagesFromWire(messages []*pb.Message) []conversation.Message {
	var out []conversation.Message
	for _, m := range messages {
		out = append(out, conversation.Message{
			Role: m.GetRole(), Content: m.GetContent(), ToolCalls: m.GetToolCalls(), Weight: m.Weight,
			Name: m.GetName(), ToolCallID: m.GetToolCallId(), Reasoning: m.GetReasoning(),
		})
	}
	return out
}
