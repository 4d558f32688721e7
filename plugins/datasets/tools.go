package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/plugins/sdk"
)

// readTools reads the column "tools" as OpenAI's list of tool definitions, or
// "functions", as it was called before. It may be a list, or a string that holds one; a
// definition without the wrapping {"type": "function"} is wrapped.
func readTools(r sdk.Record) (string, error) {
	v, ok := r.Value("tools")
	name := r.FieldName("tools")
	if !ok {
		if v, ok = r.Value("functions"); !ok {
			return "", nil
		}
		name = "functions"
	}
	return toolsOf(name, v)
}

func toolsOf(name string, v json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(v, &text) == nil {
		if text == "" {
			return "", nil
		}
		v = json.RawMessage(text)
	}
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return "", fmt.Errorf("%q is %s, want a list of tool definitions or a string that holds one", name, sdk.Kind(v))
	}
	if len(list) == 0 {
		return "", nil
	}
	for i, t := range list {
		var keys map[string]json.RawMessage
		if json.Unmarshal(t, &keys) != nil || keys == nil {
			return "", fmt.Errorf("%q, tool %d is %s, want an object", name, i+1, sdk.Kind(t))
		}
		list[i] = wrapFunction(t, keys)
	}
	return encodeList(list), nil
}

// readToolCalls reads a message's own list of tool calls, as OpenAI has it, or
// the one function_call that it had before.
func readToolCalls(v, one json.RawMessage) (string, error) {
	if v == nil || string(v) == "null" {
		if one == nil || string(one) == "null" {
			return "", nil
		}
		return calls([]json.RawMessage{one})
	}
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return "", fmt.Errorf("\"tool_calls\" is %s, want a list", sdk.Kind(v))
	}
	if len(list) == 0 {
		return "", nil
	}
	return calls(list)
}

// callsFromText reads the text of a function_call turn: one call
// {"name": …, "arguments": …}, or a list of them.
func callsFromText(text string) (string, error) {
	raw := json.RawMessage(bytes.TrimSpace([]byte(text)))
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return calls(list)
	}
	if sdk.Kind(raw) == "an object" {
		return calls([]json.RawMessage{raw})
	}
	return "", fmt.Errorf(`a tool call is %s, want JSON {"name": …, "arguments": …}`, sdk.Kind(raw))
}

// calls brings tool calls into the one form, with the function wrapped.
func calls(list []json.RawMessage) (string, error) {
	for i, raw := range list {
		var call map[string]json.RawMessage
		if json.Unmarshal(raw, &call) != nil || call == nil {
			return "", fmt.Errorf(`tool call %d is %s, want JSON {"name": …, "arguments": …}`, i+1, sdk.Kind(raw))
		}
		function := call
		if f, ok := call["function"]; ok {
			function = nil
			if json.Unmarshal(f, &function) != nil || function == nil {
				return "", fmt.Errorf("tool call %d: \"function\" is %s, want an object", i+1, sdk.Kind(f))
			}
		}
		var name string
		if v := function["name"]; v == nil || json.Unmarshal(v, &name) != nil || name == "" {
			return "", fmt.Errorf("tool call %d: \"name\" is %s, want a string that is not empty", i+1, found(function, "name"))
		}
		if err := checkArguments(function["arguments"]); err != nil {
			return "", fmt.Errorf("tool call %d: %w", i+1, err)
		}
		list[i] = wrapFunction(raw, call)
	}
	return encodeList(list), nil
}

// checkArguments is an error where arguments are text, as OpenAI writes them, but not of JSON: the model would
// learn calls that nobody can read.
func checkArguments(v json.RawMessage) error {
	var text string
	if json.Unmarshal(v, &text) == nil && strings.TrimSpace(text) != "" && !json.Valid([]byte(text)) {
		return fmt.Errorf("\"arguments\" is the text %q, which is not JSON", shorten(text))
	}
	return nil
}

// wrapFunction puts {"name": …} into {"type": "function", "function": …}.
func wrapFunction(raw json.RawMessage, keys map[string]json.RawMessage) json.RawMessage {
	_, wrapped := keys["function"]
	if _, named := keys["name"]; wrapped || !named {
		return raw
	}
	return json.RawMessage(`{"type": "function", "function": ` + string(raw) + `}`)
}

// encodeList joins raw values without encoding them again: the order of keys
// stays as the dataset has it.
func encodeList(list []json.RawMessage) string {
	return "[" + string(bytes.Join(rawBytes(list), []byte(", "))) + "]"
}

func rawBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
