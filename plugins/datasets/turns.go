package datasets

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Roles of a conversation's messages.
const (
	system    = "system"
	user      = "user"
	assistant = "assistant"
	tool      = "tool"
	// toolCall is a turn of the assistant whose text is a tool call.
	toolCall = "function_call"
)

// roles are all names of roles in use, by what they stand for.
var roles = map[string]string{
	"system": system, "developer": system,
	"user": user, "human": user,
	"assistant": assistant, "gpt": assistant, "model": assistant, "chatgpt": assistant, "bot": assistant, "ai": assistant,
	"tool": tool, "function": tool, "observation": tool, "tool_response": tool,
	"function_call": toolCall, "tool_call": toolCall,
}

// turnKeys are the keys under which a format keeps the parts of a turn, the
// usual one first.
type turnKeys struct{ role, content []string }

// turnColumns are the columns by which a dataset says that its turns have
// other keys.
var turnColumns = []sdk.Column{
	{Name: "role", Description: "the key of a turn that says who speaks"},
	{Name: "content", Description: "the key of a turn that holds what is said"},
}

// of puts a record's own keys before the usual ones.
func (k turnKeys) of(r sdk.Record) turnKeys {
	if name := r.FieldName("role"); name != "role" {
		k.role = []string{name}
	}
	if name := r.FieldName("content"); name != "content" {
		k.content = []string{name}
	}
	return k
}

// find is the first of the keys that a turn has with a value.
func find(turn map[string]json.RawMessage, keys []string) (string, json.RawMessage) {
	for _, key := range keys {
		if v, ok := turn[key]; ok && string(v) != "null" {
			return key, v
		}
	}
	return keys[0], nil
}

// readTurns reads a column that is a list of turns; it has at least one.
func readTurns(r sdk.Record, column string, keys turnKeys) ([]conversation.Message, error) {
	v, ok := r.Value(column)
	if !ok {
		return nil, r.Missing(column)
	}
	return turnsOf(r.FieldName(column), v, keys.of(r))
}

// turnsOf reads a list of turns, or a string that holds one, as cells of a
// table do.
func turnsOf(name string, v json.RawMessage, keys turnKeys) ([]conversation.Message, error) {
	var text string
	if json.Unmarshal(v, &text) == nil && strings.HasPrefix(strings.TrimSpace(text), "[") {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, fmt.Errorf("%q is a string, want a list, or text of a JSON list; this text is none (%w)%s", name, err, fromPython(text))
		}
	}
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return nil, fmt.Errorf("%q is %s, want a list", name, sdk.Kind(v))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%q is an empty list, want at least one turn", name)
	}
	messages := make([]conversation.Message, len(list))
	for i, raw := range list {
		var err error
		if messages[i], err = readTurn(raw, keys); err != nil {
			return nil, fmt.Errorf("%q, turn %d: %w", name, i+1, err)
		}
	}
	return messages, nil
}

// fromPython says where text is a list as Python prints it.
func fromPython(text string) string {
	if strings.Contains(text, "{'") {
		return ": it looks like Python; json.dumps writes JSON"
	}
	return ""
}

// readTurn reads one turn. OpenAI's refusal, annotations and the like are passed
// over: they do not change what is said.
func readTurn(raw json.RawMessage, keys turnKeys) (conversation.Message, error) {
	var m conversation.Message
	var turn map[string]json.RawMessage
	if json.Unmarshal(raw, &turn) != nil || turn == nil {
		return m, fmt.Errorf("found %s, want an object with %q and %q", sdk.Kind(raw), keys.role[0], keys.content[0])
	}
	key, v := find(turn, keys.role)
	var name string
	if v == nil || json.Unmarshal(v, &name) != nil {
		return m, fmt.Errorf("%q is %s, want a string", key, found(turn, key))
	}
	role, ok := roles[strings.ToLower(name)]
	if !ok {
		return m, fmt.Errorf("%q is %q, want one of %s", key, shorten(name), knownRoles())
	}
	m.Role = role
	var err error
	if m.ToolCalls, err = readToolCalls(turn["tool_calls"], turn["function_call"]); err != nil {
		return m, err
	}
	if err := refuseMedia(turn); err != nil {
		return m, err
	}
	key, v = find(turn, keys.content)
	if v == nil && m.ToolCalls == "" {
		return m, fmt.Errorf("%q is %s, want a string", key, found(turn, key))
	}
	if m.Content, err = readContent(key, v); err != nil {
		return m, err
	}
	if role == toolCall {
		m.Role = assistant
		if m.ToolCalls, err = callsFromText(m.Content); err != nil {
			return m, fmt.Errorf("%q: %w", key, err)
		}
		m.Content = ""
	}
	m.Name, m.ToolCallID = optional(turn, "name"), optional(turn, "tool_call_id")
	m.Reasoning = optional(turn, "reasoning_content")
	m.Weight, err = readWeight(turn)
	return m, err
}

// optional is a part of a turn that need not be there, "" where it is no string.
func optional(turn map[string]json.RawMessage, key string) string {
	var text string
	if json.Unmarshal(turn[key], &text) != nil {
		return ""
	}
	return text
}

// readContent is a string, or a list of parts {"type": "text", "text": …},
// whose text is also found under "value".
func readContent(key string, v json.RawMessage) (string, error) {
	if v == nil {
		return "", nil
	}
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text, nil
	}
	var parts []map[string]json.RawMessage
	if json.Unmarshal(v, &parts) != nil {
		return "", fmt.Errorf("%q is %s, want a string or a list of text parts", key, sdk.Kind(v))
	}
	var all strings.Builder
	for i, part := range parts {
		var kind string
		if t := part["type"]; t != nil && (json.Unmarshal(t, &kind) != nil || kind != "text") {
			return "", fmt.Errorf("%q, part %d is of type %s, want \"text\": only text can be trained on", key, i+1, shorten(string(t)))
		}
		name, value := find(part, []string{"text", "value"})
		if value == nil || json.Unmarshal(value, &text) != nil {
			return "", fmt.Errorf("%q, part %d: %q is %s, want a string", key, i+1, name, found(part, name))
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// readWeight is the turn's own weight of the loss: a number of at least 0, or
// true or false.
func readWeight(turn map[string]json.RawMessage) (*float64, error) {
	key, v := find(turn, []string{"weight", "loss_weight"})
	if v == nil {
		return nil, nil
	}
	var train bool
	var weight float64
	switch {
	case json.Unmarshal(v, &train) == nil:
		if train {
			weight = 1
		}
	case json.Unmarshal(v, &weight) != nil || weight < 0 || weight > math.MaxFloat32:
		return nil, fmt.Errorf("%q is %s, want a number of at least 0", key, shorten(string(v)))
	}
	return &weight, nil
}

func knownRoles() string {
	var names []string
	for name := range roles {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// found says of what kind the value of a key is.
func found(in map[string]json.RawMessage, key string) string {
	v, ok := in[key]
	if !ok {
		return "missing"
	}
	return sdk.Kind(v)
}

func shorten(text string) string {
	const most = 40
	if n := []rune(text); len(n) > most {
		return string(n[:most]) + "…"
	}
	return text
}
