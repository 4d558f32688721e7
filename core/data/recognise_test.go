package data

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckColumns(t *testing.T) {
	alpaca := Type{Name: "alpaca", Columns: []Column{{Name: "instruction"}, {Name: "output"}}}
	for _, c := range []struct {
		columns map[string]string
		want    string
	}{
		{map[string]string{"instruction": "question"}, ""},
		{map[string]string{"instrution": "question"}, `columns names "instrution", which the type "alpaca" does not have; did you mean "instruction"? its columns are "instruction" and "output"`},
		{map[string]string{"answer": "output"}, `the type's column comes first: output = "answer"`},
	} {
		err := CheckColumns("a", alpaca, c.columns)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, wanted %q", c.columns, err, c.want)
		}
	}
}

func TestColumnsForUsualNames(t *testing.T) {
	const example = `type = "alpaca" and columns = { instruction = "question", output = "answer" }`
	for record, want := range map[string]string{
		`{"question": "a", "answer": "b"}`:                                     `type = "prompt" and columns = { prompt = "question", completion = "answer" }`,
		`{"prompt": "a", "response": "b"}`:                                     `type = "prompt" and columns = { completion = "response" }`,
		`{"Prompt": "a", "Completion": "b"}`:                                   `type = "prompt" and columns = { prompt = "Prompt", completion = "Completion" }`,
		`{"instruction": "a", "context": "", "response": "b", "category": ""}`: `type = "alpaca" and columns = { input = "context", output = "response" }`,
		`{"context": "c", "question": "a", "answer": "b"}`:                     `type = "alpaca" and columns = { instruction = "question", input = "context", output = "answer" }`,
		`{"input": "a", "output": "b"}`:                                        `type = "prompt" and columns = { prompt = "input", completion = "output" }`,
		`{"instruction": "a", "output": 5}`:                                    example,
		`{"zh": "a", "en": "b"}`:                                               example,
		`["a"]`:                                                                example,
	} {
		if got := columnsFor([]byte(record)); got != want {
			t.Errorf("%s: %s, want %s", record, got, want)
		}
	}
}

func TestRecordsWithinARecord(t *testing.T) {
	for record, want := range map[string]string{
		`{"version": 1, "data": [{"prompt": "a"}]}`: "data",
		`{"data": ["a"], "more": []}`:               "",
		`["a"]`:                                     "",
	} {
		if got := recordsWithin([]json.RawMessage{json.RawMessage(record)}); got != want {
			t.Errorf("%s: %q, want %q", record, got, want)
		}
	}
	two := json.RawMessage(`{"data": [{"prompt": "a"}]}`)
	if got := recordsWithin([]json.RawMessage{two, two}); got != "" {
		t.Errorf("of two records: %q", got)
	}
}

func TestRecognise(t *testing.T) {
	text := []Column{{Name: "text", Required: true}}
	for _, c := range []struct {
		name    string
		types   []Type
		texts   []string
		columns map[string]string
		want    string // the type and the reason, or a part of the error
	}{
		{"the only one", []Type{{Name: "plain", Columns: text}}, []string{"a"}, nil, `plain: its records have "text"`},
		{"the one that reads more", []Type{{Name: "less"}, {Name: "more", Columns: text}}, []string{"a"}, nil, `more: its records have "text"`},
		{"a bad record does not hide the type", []Type{{Name: "plain", Columns: text}}, []string{"a", "", "b"}, nil, "plain: "},
		{"two as well", []Type{{Name: "one", Columns: text}, {Name: "two", Columns: text}}, []string{"a"}, nil, "fit several types as well; say which is meant:\n    type = \"one\" reads \"text\"\n    type = \"two\" reads \"text\""},
		{"none", []Type{{Name: "plain", Columns: []Column{{Name: "body", Required: true}}}}, []string{"", "", "b"}, nil, "no dataset type fits its records; the first is\n    {\"text\":\"\"}\nThe types want:\n    plain      \"text\" is missing"},
		{"the fields of one", []Type{{Name: "plain", Columns: text}, {Name: "other", Columns: []Column{{Name: "label", Required: true}}}}, []string{"", ""}, nil,
			"its records have the fields of the type \"plain\", but \"text\" is missing:\n    {\"text\":\"\"}"},
		{"nothing", []Type{{Name: "plain", Columns: text}}, nil, nil, "is empty: it holds no record"},
		{"no type has the column", []Type{{Name: "plain", Columns: text}}, []string{"a"}, map[string]string{"body": "text"}, `no dataset type has the columns "body"`},
		{"by the columns", []Type{{Name: "other"}, {Name: "plain", Columns: text}}, []string{"a"}, map[string]string{"text": "text"}, "plain: "},
	} {
		s := source(lines(t, c.texts...))
		s.Columns = c.columns
		name, reason, err := Recognise(letters{types: c.types}, s)
		got := name + ": " + reason
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, wanted %q", c.name, got, c.want)
		}
	}
}
