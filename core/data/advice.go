package data

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// usual are the names that fields of records have in many datasets, by what they hold.
var usual = struct{ question, answer, about, role, content []string }{
	question: []string{"instruction", "question", "prompt", "query", "problem", "request", "human", "user", "input"},
	answer:   []string{"output", "answer", "completion", "response", "reply", "solution", "assistant", "gpt", "target"},
	about:    []string{"input", "context", "passage"},
	role:     []string{"role", "from", "speaker", "author", "sender"},
	content:  []string{"content", "value", "text", "message", "utterance"},
}

// adviceFor says what to do about records that fit no type.
func adviceFor(records []json.RawMessage) string {
	fields := fieldsOf(records[0])
	if pick(fields, usual.role) != "" && pick(fields, usual.content) != "" {
		return `A record is a single turn here; write one for each conversation: {"messages": [{"role": …, "content": …}, …]}`
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var list []map[string]json.RawMessage
		if json.Unmarshal(fields[name], &list) != nil || len(list) == 0 {
			continue
		}
		if role, content := pick(list[0], usual.role), pick(list[0], usual.content); role != "" && content != "" {
			columns := mapping{}
			columns.add("messages", name)
			columns.add("role", role, "from") // what the type knows without being told
			columns.add("content", content, "value")
			return sayColumns("messages", columns)
		}
		if len(records) == 1 {
			return fmt.Sprintf("If the records are those in %q, make that list alone the file", name)
		}
	}
	question := pick(fields, usual.question)
	answer := pick(fields, usual.answer, question)
	about := pick(fields, usual.about, question)
	columns, kind := mapping{}, "prompt"
	switch {
	case question == "" || answer == "":
	case about != "" || question == "instruction":
		kind = "alpaca"
		columns.add("instruction", question)
		columns.add("input", about)
		columns.add("output", answer)
	default:
		columns.add("prompt", question)
		columns.add("completion", answer)
	}
	if len(columns) == 0 {
		return sayColumns("alpaca", mapping{`instruction = "question"`, `output = "answer"`})
	}
	return sayColumns(kind, columns)
}

func sayColumns(kind string, columns mapping) string {
	return fmt.Sprintf("Where only names differ, say so: type = %q and columns = { %s }", kind, strings.Join(columns, ", "))
}

// mapping is what columns holds in lora.toml.
type mapping []string

// add maps a type's column to a record's field, unless the type knows the name.
func (m *mapping) add(column, field string, known ...string) {
	if field != "" && field != column && !slices.Contains(known, field) {
		*m = append(*m, fmt.Sprintf("%s = %q", column, field))
	}
}

// pick is the first of the names that fields have, in their own spelling; "" for none.
func pick(fields map[string]json.RawMessage, names []string, except ...string) string {
	for _, name := range names {
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if strings.EqualFold(key, name) && !slices.Contains(except, key) {
				return key
			}
		}
	}
	return ""
}
