package data

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAdvice(t *testing.T) {
	const example = `type = "alpaca" and columns = { instruction = "question", output = "answer" }`
	for _, c := range []struct {
		records string // a line each
		want    string // the end
	}{
		{`{"question": "a", "answer": "b"}`, `type = "prompt" and columns = { prompt = "question", completion = "answer" }`},
		{`{"prompt": "a", "response": "b"}`, `type = "prompt" and columns = { completion = "response" }`},
		{`{"Prompt": "a", "Completion": "b"}`, `type = "prompt" and columns = { prompt = "Prompt", completion = "Completion" }`},
		{`{"instruction": "a", "context": "", "response": "b", "category": ""}`, `type = "alpaca" and columns = { input = "context", output = "response" }`},
		{`{"context": "c", "question": "a", "answer": "b"}`, `type = "alpaca" and columns = { instruction = "question", input = "context", output = "answer" }`},
		{`{"input": "a", "output": "b"}`, `type = "prompt" and columns = { prompt = "input", completion = "output" }`},
		{`{"conversation": [{"from": "human", "value": "a"}]}`, `type = "messages" and columns = { messages = "conversation" }`},
		{`{"id": 1, "dialog": [{"speaker": "user", "text": "a"}]}`, `type = "messages" and columns = { messages = "dialog", role = "speaker", content = "text" }`},
		{`{"role": "user", "content": "a"}`, `{"messages": [{"role": …, "content": …}, …]}`},
		{`{"version": 1, "data": [{"prompt": "a", "completion": "b"}]}`, `If the records are those in "data", make that list alone the file`},
		{`{"data": [{"prompt": "a"}]}` + "\n" + `{"data": [{"prompt": "b"}]}`, example}, // of several records none holds all
		{`{"instruction": "a", "output": 5}`, example},
		{`{"zh": "a", "en": "b"}`, example},
		{`["a"]`, example},
	} {
		var records []json.RawMessage
		for line := range strings.Lines(c.records) {
			records = append(records, json.RawMessage(line))
		}
		if got := adviceFor(records); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.records, got, c.want)
		}
	}
}
