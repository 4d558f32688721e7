package datasets_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/datasets"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/sdk"
)

func byName(t testing.TB, name string) sdk.Dataset {
	t.Helper()
	for _, d := range datasets.All() {
		if d.Describe().Name == name {
			return d
		}
	}
	t.Fatalf("there is no dataset type %s", name)
	return nil
}

func turn(role, content string) conversation.Message {
	return conversation.Message{Role: role, Content: content}
}

func weighted(m conversation.Message, weight float64) conversation.Message {
	m.Weight = &weight
	return m
}

// before is a turn of a prompt, which is not trained.
func before(role, content string) conversation.Message { return weighted(turn(role, content), 0) }

func calling(calls string) conversation.Message {
	return conversation.Message{Role: "assistant", ToolCalls: calls}
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name, kind, record string
		mapping            map[string]string
		want               conversation.Conversation
	}{
		{
			"instruction and output", "alpaca", `{"instruction": "Add 1 and 2.", "input": "", "output": "3"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{turn("user", "Add 1 and 2."), turn("assistant", "3")},
				Fields:   map[string]string{"instruction": "Add 1 and 2.", "input": "", "output": "3"},
			},
		},
		{
			"instruction, input and output", "alpaca", `{"instruction": "Add.", "input": "1, 2", "output": "3"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{turn("user", "Add.\n1, 2"), turn("assistant", "3")},
				Fields:   map[string]string{"instruction": "Add.", "input": "1, 2", "output": "3"},
			},
		},
		{
			"system and history", "alpaca",
			`{"instruction": "And 3?", "input": null, "output": "6", "system": "You add.", "history": [["1 and 2?", "3"]]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{
				turn("system", "You add."), turn("user", "1 and 2?"), turn("assistant", "3"),
				turn("user", "And 3?"), turn("assistant", "6"),
			}},
		},
		{
			"columns of other names", "alpaca", `{"question": "Why?", "answer": "Because."}`,
			map[string]string{"instruction": "question", "output": "answer"},
			conversation.Conversation{
				Messages: []conversation.Message{turn("user", "Why?"), turn("assistant", "Because.")},
				Fields:   map[string]string{"instruction": "Why?", "input": "", "output": "Because."},
			},
		},
		{
			"from and value", "sharegpt",
			`{"system": "Be kind.", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("system", "Be kind."), turn("user", "hi"), turn("assistant", "hello")}},
		},
		{
			"role and content", "sharegpt",
			`{"conversations": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello", "weight": 0}]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("user", "hi"), weighted(turn("assistant", "hello"), 0)}},
		},
		{
			"tool calls", "sharegpt",
			`{"conversations": [{"from": "human", "value": "weather?"},
				{"from": "function_call", "value": "{\"name\": \"weather\", \"arguments\": {\"b\": 1, \"a\": 2}}"},
				{"from": "observation", "value": "rain"}, {"from": "gpt", "value": "It rains."}],
			 "tools": "[{\"name\": \"weather\", \"parameters\": {}}]"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{
					turn("user", "weather?"),
					calling(`[{"type": "function", "function": {"name": "weather", "arguments": {"b": 1, "a": 2}}}]`),
					turn("tool", "rain"), turn("assistant", "It rains."),
				},
				Tools: `[{"type": "function", "function": {"name": "weather", "parameters": {}}}]`,
			},
		},
		{"no tools after all", "sharegpt", `{"conversations": [{"from": "gpt", "value": "a"}], "tools": "[]"}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("assistant", "a")}}},
		{
			"parts and loss weights", "messages",
			`{"messages": [{"role": "user", "content": [{"type": "text", "value": "hi "}, {"type": "text", "text": "there"}], "loss_weight": 0.0},
				{"role": "assistant", "content": "hello", "loss_weight": 0.5}, {"role": "assistant", "content": "bye", "weight": true}]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{
				weighted(turn("user", "hi there"), 0), weighted(turn("assistant", "hello"), 0.5), weighted(turn("assistant", "bye"), 1),
			}},
		},
		{
			"tool calls of OpenAI", "messages",
			`{"messages": [{"role": "developer", "content": "x"},
				{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
				{"role": "tool", "tool_call_id": "1", "content": "y"}]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{
				turn("system", "x"), calling(`[{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]`), {Role: "tool", ToolCallID: "1", Content: "y"},
			}},
		},
		{
			"turns of other keys", "sharegpt", `{"dialog": [{"speaker": "human", "text": "hi"}, {"speaker": "bot", "text": "hello"}]}`,
			map[string]string{"conversations": "dialog", "role": "speaker", "content": "text"},
			conversation.Conversation{Messages: []conversation.Message{turn("user", "hi"), turn("assistant", "hello")}},
		},
		{"turns in a table's cell", "messages", `{"messages": "[{\"role\": \"assistant\", \"content\": \"hello\"}]"}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("assistant", "hello")}}},
		{
			"what OpenAI's format has beside", "messages",
			`{"messages": [{"role": "user", "name": "ann", "content": "hi"}, {"role": "assistant", "content": null, "refusal": null, "function_call": {"name": "f", "arguments": "{}"}},
				{"role": "function", "name": "f", "content": "1"}, {"role": "assistant", "reasoning_content": "so", "content": "one", "weight": 0}],
			 "documents": [{"title": "t"}], "functions": [{"name": "f"}], "parallel_tool_calls": false, "images": []}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{
					{Role: "user", Name: "ann", Content: "hi"}, calling(`[{"type": "function", "function": {"name": "f", "arguments": "{}"}}]`),
					{Role: "tool", Name: "f", Content: "1"}, {Role: "assistant", Reasoning: "so", Content: "one", Weight: new(float64)},
				},
				Documents: `[{"title": "t"}]`,
				Tools:     `[{"type": "function", "function": {"name": "f"}}]`,
			},
		},
		{
			"prompt and two answers", "preference", `{"prompt": "2+2?", "chosen": "4", "rejected": "5"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("user", "2+2?"), turn("assistant", "4")},
				Rejected: []conversation.Message{before("user", "2+2?"), turn("assistant", "5")},
			},
		},
		{
			"two conversations, the prompt told twice", "preference",
			`{"prompt": "hi", "chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "b"}]}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")},
				Rejected: []conversation.Message{before("user", "hi"), turn("assistant", "b")},
			},
		},
		{
			"a conversation up to the answers", "preference",
			`{"conversations": [{"from": "human", "value": "hi"}], "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}, "system": "s"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("system", "s"), before("user", "hi"), turn("assistant", "a")},
				Rejected: []conversation.Message{before("system", "s"), before("user", "hi"), turn("assistant", "b")},
			},
		},
		{
			"alpaca with two answers", "preference", `{"instruction": "Add.", "input": "1, 2", "chosen": "3", "rejected": "4"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("user", "Add.\n1, 2"), turn("assistant", "3")},
				Rejected: []conversation.Message{before("user", "Add.\n1, 2"), turn("assistant", "4")},
			},
		},
		{
			"OpenAI's pairs", "preference",
			`{"input": {"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "f"}]}, "preferred_output": [{"role": "assistant", "content": "a"}], "non_preferred_output": [{"role": "assistant", "content": "b"}]}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")},
				Rejected: []conversation.Message{before("user", "hi"), turn("assistant", "b")},
				Tools:    `[{"type": "function", "function": {"name": "f"}}]`,
			},
		},
		{
			"equal answers", "preference", `{"prompt": "hi", "chosen": "a", "rejected": "a"}`, nil,
			conversation.Conversation{
				Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")},
				Rejected: []conversation.Message{before("user", "hi"), turn("assistant", "a")},
			},
		},
		{
			"messages and a label", "kto", `{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a"}], "label": false}`, nil,
			conversation.Conversation{Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")}, Label: new(bool)},
		},
		{
			"prompt, completion and a table's label", "kto", `{"prompt": "hi", "completion": "a", "label": "False"}`, nil,
			conversation.Conversation{Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")}, Label: new(bool)},
		},
		{
			"alpaca and kto_tag", "kto", `{"instruction": "hi", "input": "", "output": "a", "kto_tag": 0}`, nil,
			conversation.Conversation{Messages: []conversation.Message{before("user", "hi"), turn("assistant", "a")}, Label: new(bool)},
		},
		{"text", "completion", `{"text": "Once.\n", "meta": 3}`, nil, conversation.Conversation{Text: "Once.\n"}},
		{"prompt", "prompt", `{"prompt": "2+2=", "completion": "4"}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("user", "2+2="), turn("assistant", "4")}}},
		{"prompt of messages", "prompt",
			`{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "completion": [{"role": "assistant", "content": "a"}]}`, nil,
			conversation.Conversation{Messages: []conversation.Message{turn("system", "s"), turn("user", "u"), turn("assistant", "a")}}},
	} {
		t.Run(c.kind+": "+c.name, func(t *testing.T) {
			got := sdk.ConvertRecord(byName(t, c.kind), []byte(c.record), c.mapping)
			if diff := cmp.Diff(protocol.Result{Conversation: c.want}, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestErrorsSayWhatIsWrongWithTheRecord(t *testing.T) {
	for _, c := range []struct{ kind, record, want string }{
		{"alpaca", `{"prompt": "x", "response": "y"}`, `"instruction" is missing; the record has "prompt", "response"`},
		{"alpaca", `{"instruction": null, "output": "y"}`, `"instruction" is null`},
		{"alpaca", `{"instruction": ["x"], "output": "y"}`, `"instruction" is a list, want a string`},
		{"alpaca", `{"instruction": "", "output": "y"}`, `"instruction" is empty`},
		{"alpaca", `{"instruction": "x", "output": "y", "history": [["a"]]}`, `"history", turn 1 is not a list of two strings`},
		{"alpaca", `{}`, `"instruction" is missing; the record is empty`},
		{"alpaca", `"text"`, "found a string, want a JSON object"},
		{"alpaca", ``, "found nothing, want a JSON object"},
		{"alpaca", `{"instruction": "x"`, "not valid JSON: unexpected end of JSON input at byte 19"},
		{"alpaca", "{\"instruction\": \"\xff\"}", "byte 17 (0xff) is not valid UTF-8; save the dataset as UTF-8"},
		{"sharegpt", `{"conversations": []}`, `"conversations" is an empty list, want at least one turn`},
		{"sharegpt", `{"conversations": "hi"}`, `"conversations" is a string, want a list`},
		{"sharegpt", `{"conversations": [{"from": "human", "value": "a"}, "b"]}`, `"conversations", turn 2: found a string, want an object with "from" and "value"`},
		{"sharegpt", `{"conversations": [{"from": "alien", "value": "a"}]}`, `"conversations", turn 1: "from" is "alien", want one of ai, assistant, bot,`},
		{"messages", `{"messages": "[{'role': 'user', 'content': 'x'}]"}`, `want a list, or text of a JSON list; this text is none (invalid character '\'' looking for beginning of object key string): it looks like Python`},
		{"messages", `{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{a: 1"}}]}]}`, `tool call 1: "arguments" is the text "{a: 1", which is not JSON`},
		{"messages", `{"messages": [{"role": "user", "content": null}]}`, `"messages", turn 1: "content" is null, want a string`},
		{"sharegpt", `{"conversations": [{"value": "a"}]}`, `"from" is missing, want a string`},
		{"sharegpt", `{"conversations": [{"from": "gpt"}]}`, `"value" is missing, want a string`},
		{"sharegpt", `{"conversations": [{"from": "function_call", "value": "call it"}]}`, `a tool call is something that is not JSON, want JSON {"name": …, "arguments": …}`},
		{"sharegpt", `{"conversations": [{"from": "function_call", "value": "{\"arguments\": {}}"}]}`, `tool call 1: "name" is missing`},
		{"sharegpt", `{"conversations": [{"from": "gpt", "value": "a"}], "tools": "maybe"}`, `"tools" is something that is not JSON, want a list of tool definitions`},
		{"messages", `{"conversations": []}`, `"messages" is missing; the record has "conversations"`},
		{"messages", `{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}`, `"content", part 1 is of type "image_url", want "text": only text can be trained on`},
		{"messages", `{"messages": [{"role": "user", "content": [{"type": "text"}]}]}`, `"content", part 1: "text" is missing, want a string`},
		{"messages", `{"messages": [{"role": "user", "content": 3}]}`, `"content" is a number, want a string or a list of text parts`},
		{"messages", `{"messages": [{"role": "user", "content": "a", "weight": -1}]}`, `"weight" is -1, want a number of at least 0`},
		{"messages", `{"messages": [{"role": "user", "content": "a", "loss_weight": "full"}]}`, `"loss_weight" is "full", want a number`},
		{"messages", `{"messages": [{"role": "assistant", "tool_calls": [3]}]}`, `tool call 1 is a number`},
		{"completion", `{"text": ""}`, `"text" is empty`},
		{"completion", `{"content": "x"}`, `"text" is missing; the record has "content"`},
		{"prompt", `{"prompt": "x"}`, `"completion" is missing; the record has "prompt"`},
		{"alpaca", `{"instruction": "x", "output": "y", "history": "before"}`, `"history" is a string, want a list of [instruction, output]`},
		{"messages", `{"messages": [{"role": "user", "content": "<image>what?"}], "images": ["a.png"]}`, `"images" holds something: only text can be trained on`},
		{"messages", `{"messages": [{"role": "assistant", "content": null, "audio": {"id": "x"}}]}`, `"audio" holds something`},
		{"messages", `{"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}`, `part 1 is of type "input_audio", want "text"`},
		{"preference", `{"prompt": "hi", "chosen": "a"}`, `"rejected" is missing; the record has "chosen", "prompt"`},
		{"preference", `{"chosen": "a", "rejected": "b"}`, `the prompt is missing`},
		{"preference", `{"chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "ho"}, {"role": "assistant", "content": "b"}]}`, `do not begin alike`},
		{"preference", `{"prompt": "hi", "chosen": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}], "rejected": "b"}`, `ends with a turn of the user`},
		{"preference", `{"prompt": "hi", "chosen": {"role": "narrator", "content": "a"}, "rejected": "b"}`, `"chosen": "role" is "narrator"`},
		{"preference", `{"input": {"tools": []}, "preferred_output": "a", "non_preferred_output": "b"}`, `"input" has no "messages"`},
		{"kto", `{"prompt": "hi", "completion": "a", "label": "good"}`, `"label" is "good", want true (desirable) or false`},
		{"kto", `{"text": "hi", "label": true}`, `the conversation is missing`},
		{"kto", `{"messages": [{"role": "user", "content": "hi"}], "label": true}`, `ends with a turn of the user`},
		{"prompt", `{"prompt": 3, "completion": "y"}`, `"prompt" is a number, want a string or a list of messages`},
	} {
		got := sdk.ConvertRecord(byName(t, c.kind), []byte(c.record), nil)
		if !strings.Contains(got.Error, c.want) {
			t.Errorf("%s %s: error is\n%s\nwant it to have\n%s", c.kind, c.record, got.Error, c.want)
		}
	}
}

func TestColumnsAreDescribed(t *testing.T) {
	for _, d := range datasets.All() {
		for _, c := range d.Describe().Columns {
			if c.Required {
				// The record has every other column, but not this one.
				record := map[string]any{}
				for _, other := range d.Describe().Columns {
					if other.Name != c.Name && other.Required {
						record[other.Name] = "x"
					}
				}
				raw, _ := json.Marshal(record)
				if got := sdk.ConvertRecord(d, raw, nil); !strings.Contains(got.Error, `"`+c.Name+`" is missing`) {
					t.Errorf("%s without %s gives %q", d.Describe().Name, c.Name, got.Error)
				}
			}
		}
	}
}
