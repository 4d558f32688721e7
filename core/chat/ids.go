package chat

import (
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/chat/jinja"
	"github.com/loraedge/loraedge/core/conversation"
)

// idLength is how many letters and digits the templates want that bound the ids of
// tool calls: Mistral's do.
const idLength = 9

// findShortIDs says whether the template takes tool calls with ids of idLength and refuses
// longer ones.
func (t *Template) findShortIDs() bool {
	takes := func(id string) bool {
		messages, err := values([]conversation.Message{
			{Role: "user", Content: "a"},
			{Role: "assistant", ToolCalls: fmt.Sprintf(`[{"id": %q, "type": "function", "function": {"name": "f", "arguments": {}}}]`, id)},
			{Role: "tool", ToolCallID: id, Content: "b"},
			{Role: "assistant", Content: "c"},
		})
		if err == nil {
			_, err = t.render(conversation.Conversation{}, messages, false, false)
		}
		return err == nil
	}
	return takes(strings.Repeat("a", idLength)) && !takes("call_"+strings.Repeat("a", 3*idLength))
}

// fitIDs brings the ids of tool calls and of their results into the form that the template
// wants, where it wants one. Like vLLM it keeps the end of an id that is too long.
func (t *Template) fitIDs(messages []any) error {
	longer := map[string]string{} // the id that became a short one
	fit := func(of *jinja.Dict, key string) error {
		v, _ := of.Get(key)
		id, _ := v.(string)
		if id == "" {
			return fmt.Errorf("%q is missing: the chat template wants an id of %d letters and digits for each tool call and its result; "+
				`put ids into the data, or take a template that needs none, such as chat_template = "mistral"`, key, idLength)
		}
		short := shortID(id)
		if other, taken := longer[short]; taken && other != id {
			return fmt.Errorf("the tool calls %q and %q have the same last %d letters and digits, which is all that the chat template takes; give them other ids", other, id, idLength)
		}
		longer[short] = id
		of.Set(key, short)
		return nil
	}
	for i, m := range messages {
		message := m.(*jinja.Dict)
		var calls *jinja.List
		if v, ok := message.Get("tool_calls"); ok {
			calls, _ = v.(*jinja.List)
		}
		role, _ := message.Get("role")
		if calls == nil && role != "tool" || !t.shortIDs() {
			continue
		}
		var err error
		if role == "tool" {
			err = fit(message, "tool_call_id")
		}
		for k := 0; calls != nil && k < len(calls.Items) && err == nil; k++ {
			if call, ok := calls.Items[k].(*jinja.Dict); ok {
				if err = fit(call, "id"); err != nil {
					err = fmt.Errorf("tool call %d: %w", k+1, err)
				}
			}
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", i+1, err)
		}
	}
	return nil
}

// shortID is the end of an id's letters and digits, filled up with zeros.
func shortID(id string) string {
	short := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, id)
	short = strings.Repeat("0", idLength) + short
	return short[len(short)-idLength:]
}
