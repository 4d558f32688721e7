package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Record is one record of a dataset: a JSON object whose fields are read by
// the names of the dataset type's columns.
type Record struct {
	raw     []byte
	fields  map[string]json.RawMessage
	mapping map[string]string
}

// NewRecord parses a JSON object. mapping gives the record's own name of a
// column where it differs from the dataset type's.
func NewRecord(raw []byte, mapping map[string]string) (Record, error) {
	if at := invalidUTF8(raw); at >= 0 {
		return Record{}, fmt.Errorf("byte %d (0x%02x) is not valid UTF-8; save the dataset as UTF-8", at, raw[at])
	}
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return Record{}, fmt.Errorf("found %s, want a JSON object", kindOf(trimmed))
	}
	r := Record{raw: raw, mapping: mapping}
	if err := json.Unmarshal(trimmed, &r.fields); err != nil {
		return Record{}, fmt.Errorf("not valid JSON: %w", plainJSON(err))
	}
	return r, nil
}

func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// plainJSON drops Go's own words from an error of encoding/json.
func plainJSON(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("%s at byte %d", syntax.Error(), syntax.Offset)
	}
	return err
}

// JSON is the record as it was found.
func (r Record) JSON() []byte { return r.raw }

// FieldName is the record's own name of a column.
func (r Record) FieldName(column string) string {
	if name, ok := r.mapping[column]; ok && name != "" {
		return name
	}
	return column
}

// Value is a column's JSON, and whether the record has the column with a
// value other than null.
func (r Record) Value(column string) (json.RawMessage, bool) {
	v, ok := r.fields[r.FieldName(column)]
	return v, ok && string(bytes.TrimSpace(v)) != "null"
}

// Text is a column that must be there and be a string.
func (r Record) Text(column string) (string, error) {
	v, ok := r.Value(column)
	if !ok {
		return "", r.Missing(column)
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return "", fmt.Errorf("%q is %s, want a string", r.FieldName(column), kindOf(v))
	}
	return s, nil
}

// OptionalText is a column that may be missing or null, and then is "".
func (r Record) OptionalText(column string) (string, error) {
	if _, ok := r.Value(column); !ok {
		return "", nil
	}
	return r.Text(column)
}

// List is a column that must be there and be a list.
func (r Record) List(column string) ([]json.RawMessage, error) {
	v, ok := r.Value(column)
	if !ok {
		return nil, r.Missing(column)
	}
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return nil, fmt.Errorf("%q is %s, want a list", r.FieldName(column), kindOf(v))
	}
	return list, nil
}

// Missing is the error of a column that the record lacks; it says which
// fields the record has.
func (r Record) Missing(column string) error {
	name := r.FieldName(column)
	if _, null := r.fields[name]; null {
		return fmt.Errorf("%q is null", name)
	}
	if len(r.fields) == 0 {
		return fmt.Errorf("%q is missing; the record is empty", name)
	}
	return fmt.Errorf("%q is missing; the record has %s", name, r.names())
}

// names lists the record's fields, not more than fit on a line.
func (r Record) names() string {
	const most = 12
	var names []string
	for name := range r.fields {
		names = append(names, fmt.Sprintf("%q", shorten(name, 40)))
	}
	sort.Strings(names)
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

func shorten(text string, runes int) string {
	for i := range text {
		if runes--; runes < 0 {
			return text[:i] + "…"
		}
	}
	return text
}

// Kind says in words what a JSON value is, for errors: "a number", "a list".
func Kind(value json.RawMessage) string { return kindOf(bytes.TrimSpace(value)) }

func kindOf(value []byte) string {
	if len(value) == 0 {
		return "nothing"
	}
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return "a number"
	}
	return "something that is not JSON"
}
