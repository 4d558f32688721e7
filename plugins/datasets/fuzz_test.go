package datasets_test

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// fuzz says that a converter gives a conversation that the program can rely
// on, or an error, whatever the record.
func fuzz(f *testing.F, kind string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	d := byName(f, kind)
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := sdk.ConvertRecord(d, raw, nil)
		if r.Error != "" {
			return
		}
		c := r.Conversation
		if (len(c.Messages) == 0) == (c.Text == "") {
			t.Errorf("%d messages and text %q", len(c.Messages), c.Text)
		}
		for _, m := range slices.Concat(c.Messages, c.Rejected) {
			if m.Role != "system" && m.Role != "user" && m.Role != "assistant" && m.Role != "tool" {
				t.Errorf("role %q", m.Role)
			}
			if m.ToolCalls != "" && !json.Valid([]byte(m.ToolCalls)) {
				t.Errorf("tool calls %q", m.ToolCalls)
			}
			if m.Weight != nil && !(*m.Weight >= 0) {
				t.Errorf("weight %v", *m.Weight)
			}
			if !utf8.ValidString(m.Content) {
				t.Errorf("content %q", m.Content)
			}
		}
		if c.Tools != "" && !json.Valid([]byte(c.Tools)) {
			t.Errorf("tools %q", c.Tools)
		}
		if w := protocol.ResultToWire(r); w.GetConversation() == nil {
			t.Error("lost on the wire")
		}
	})
}

func FuzzAlpaca(f *testing.F) {
	fuzz(f, "alpaca", `{"instruction": "a", "input": "b", "output": "c", "system": "d", "history": [["e", "f"]]}`, `{"instruction": 1}`)
}

func FuzzShareGPT(f *testing.F) {
	fuzz(f, "sharegpt", `{"conversations": [{"from": "human", "value": "a"}, {"from": "function_call", "value": "{\"name\": \"f\"}"}], "tools": "[{\"name\": \"f\"}]", "system": "s"}`,
		`{"conversations": [{"role": "user", "content": "a", "weight": 1}]}`)
}

func FuzzMessages(f *testing.F) {
	fuzz(f, "messages", `{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}], "loss_weight": 0.5}, {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}], "tools": [{"type": "function", "function": {}}]}`)
}

func FuzzCompletion(f *testing.F) { fuzz(f, "completion", `{"text": "a"}`, `{"text": "\ud800"}`) }

func FuzzPrompt(f *testing.F) {
	fuzz(f, "prompt", `{"prompt": "a", "completion": "b"}`, `{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}`)
}

func FuzzPreference(f *testing.F) {
	fuzz(f, "preference", `{"prompt": "a", "chosen": "b", "rejected": "c", "system": "d", "tools": []}`,
		`{"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "b"}}`,
		`{"chosen_messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected_messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}`,
		`{"input": {"messages": [{"role": "user", "content": "a"}]}, "preferred_output": [{"role": "assistant", "content": "b"}], "non_preferred_output": "c"}`)
}

func FuzzKTO(f *testing.F) {
	fuzz(f, "kto", `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "label": true}`,
		`{"prompt": "a", "completion": "b", "label": "0"}`, `{"instruction": "a", "output": "b", "kto_tag": 1}`)
}
