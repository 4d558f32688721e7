// Package conversation holds the one form into which every dataset format is
// brought: a list of messages, or plain text. It is types only, so that
// dataset plugins can share it with the core without sharing anything else.
package conversation

// Conversation is one training example. It has either Messages or Text,
// never both.
type Conversation struct {
	// Messages in their order. Roles are "system", "user", "assistant", "tool".
	Messages []Message
	// Text is a document for plain language modelling; every token is trained.
	Text string
	// Tools is a JSON array of tool definitions for the chat template, or "".
	Tools string
	// Documents is a JSON array of documents for templates that lay them out, or "".
	Documents string
	// Fields are the record's own fields by name, for templates that lay a
	// record out by field instead of by message (the "alpaca" template).
	Fields map[string]string
	// Rejected makes the conversation a preference pair: Messages is the chosen
	// one, Rejected the same prompt with the answer that was liked less. Both
	// are whole conversations.
	Rejected []Message
	// Label says whether the answer is desirable, where the record has no
	// pair but a judgement (KTO); nil for none.
	Label *bool
}

// Message is one turn of a conversation.
type Message struct {
	Role    string
	Content string
	// ToolCalls is a JSON array as the OpenAI format has it, or "".
	ToolCalls string
	// Name is the function's whose result the message is, or the speaker's; "" for none.
	Name string
	// ToolCallID says which call the message answers; "" for none.
	ToolCallID string
	// Reasoning is what the assistant thought before Content, where the record
	// keeps it apart (reasoning_content); "" for none.
	Reasoning string
	// Weight multiplies the loss of the turn's tokens where it is trained;
	// nil leaves the decision to the settings (roles_to_train).
	Weight *float64
}
