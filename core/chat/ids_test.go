package chat

import (
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/conversation"
)

func TestIDsOfToolCalls(t *testing.T) {
	const (
		open   = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}({{ c.id }}){% endfor %}<{{ m.tool_call_id }}>;{% endfor %}"
		strict = "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id is not defined or c.id | length != 9 %}{{ raise_exception('9!') }}{% endif %}{% endfor %}" +
			"{% if m.role == 'tool' and (m.tool_call_id is not defined or m.tool_call_id | length != 9) %}{{ raise_exception('9!') }}{% endif %}{% endfor %}" + open
	)
	for _, c := range []struct{ name, source, call, result, want, fails string }{
		{"any id", open, `"id": "call_1", `, "call_1", "(call_1)<>;tool: dry<call_1>", ""},
		{"no id", open, ``, "", "()<>;tool: dry<>", ""},
		{"of the right length", strict, `"id": "abcDEF123", `, "abcDEF123", "(abcDEF123)<>;tool: dry<abcDEF123>", ""},
		{"too long", strict, `"id": "call_62136354abcDEF123", `, "call_62136354abcDEF123", "(abcDEF123)<>;tool: dry<abcDEF123>", ""},
		{"too short", strict, `"id": "call_1", `, "call_1", "(0000call1)<>;tool: dry<0000call1>", ""},
		{"a call without", strict, ``, "abcDEF123", "", `message 2: tool call 1: "id" is missing: the chat template wants an id of 9 letters and digits`},
		{"a result without", strict, `"id": "abcDEF123", `, "", "", `message 3: "tool_call_id" is missing`},
		{"two that become one", strict, `"id": "call_1-abcdefghi", `, "call_2-abcdefghi", "", `"call_1-abcdefghi" and "call_2-abcdefghi" have the same last 9`},
	} {
		t.Run(c.name, func(t *testing.T) {
			samples, err := mustNew(t, c.name, c.source).Render(conversation.Conversation{Messages: []conversation.Message{
				{Role: "user", Content: "Rain?"},
				{Role: "assistant", ToolCalls: `[{` + c.call + `"type": "function", "function": {"name": "weather", "arguments": {}}}]`},
				{Role: "tool", ToolCallID: c.result, Content: "dry"},
				{Role: "assistant", Content: "No."},
			}}, Options{TrainOnInputs: true})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want one that says %s", err, c.fails)
				}
				return
			}
			if err != nil || !strings.Contains(samples[0].Text, c.want) {
				t.Errorf("%v, %v, want %s", samples, err, c.want)
			}
		})
	}
}
