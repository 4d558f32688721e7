package data

import (
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
		{"none", []Type{{Name: "plain", Columns: []Column{{Name: "body", Required: true}}}}, []string{"", "", "b"}, nil, "no dataset type fits its records; the first is\n    {\"text\":\"\"}\nThe types want:\n    plain      \"body\"\nWhere only names differ"},
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
