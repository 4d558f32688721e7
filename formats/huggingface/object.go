package huggingface

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxText bounds the JSON and template files that are read whole. The largest
// in use, tokenizer_config.json of big vocabularies, has a few MiB.
const maxText = 64 << 20

// Object is a JSON object that remembers its bytes and the order of its keys.
// The zero Object has no keys.
type Object struct {
	text   []byte
	keys   []string
	values map[string]json.RawMessage
}

// ParseObject reads a JSON object. Errors give line and column; a key that
// comes twice is an error.
func ParseObject(text []byte) (Object, error) {
	if err := checkSyntax(text); err != nil {
		return Object{}, err
	}
	o := Object{text: bytes.Clone(text), values: make(map[string]json.RawMessage)}
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil {
		return Object{}, err
	}
	if open != json.Delim('{') {
		return Object{}, fmt.Errorf("want a JSON object, found %.40q", text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Object{}, err
		}
		key := name.(string) // what else a key may be, checkSyntax has refused
		if _, twice := o.values[key]; twice {
			return Object{}, fmt.Errorf("%s: key %q appears twice", place(text, d.InputOffset()), key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return Object{}, err
		}
		o.keys = append(o.keys, key)
		o.values[key] = value
	}
	return o, nil
}

// ReadObject reads a file that holds one JSON object. Errors name the file.
func ReadObject(path string) (Object, error) {
	text, err := readText(path)
	if err != nil {
		return Object{}, err
	}
	o, err := ParseObject(text)
	if err != nil {
		return Object{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// Bytes is the object as it was read.
func (o Object) Bytes() []byte { return bytes.Clone(o.text) }

// Keys lists the keys in the order of the file.
func (o Object) Keys() []string { return slices.Clone(o.keys) }

// Raw is the JSON of a key's value, nil where there is no such key.
func (o Object) Raw(key string) json.RawMessage { return bytes.Clone(o.values[key]) }

// Has reports whether there is such a key with a value other than null.
func (o Object) Has(key string) bool {
	value, ok := o.values[key]
	return ok && string(value) != "null"
}

// Decode unmarshals a key's value into what into points to. It is false, and
// leaves into alone, where the key is missing or null.
func (o Object) Decode(key string, into any) (bool, error) {
	if !o.Has(key) {
		return false, nil
	}
	if err := json.Unmarshal(o.values[key], into); err != nil {
		return false, fmt.Errorf("%q: %.80s: %w", key, o.values[key], err)
	}
	return true, nil
}

// Object is a key's value as an object, empty where the key is missing or null.
func (o Object) Object(key string) (Object, error) {
	if !o.Has(key) {
		return Object{}, nil
	}
	inner, err := ParseObject(o.values[key])
	if err != nil {
		return Object{}, fmt.Errorf("%q: %w", key, err)
	}
	return inner, nil
}

// checkSyntax is an error where text is not one JSON value. Unlike the errors
// of a json.Decoder between tokens, its offset counts from the start.
func checkSyntax(text []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		return fmt.Errorf("%s: the JSON ends too early: the file is empty or cut short", place(text, int64(len(text))))
	}
	return fmt.Errorf("%s: not valid JSON: %w", place(text, syntax.Offset-1), err)
}

// place turns a byte offset into line and column, both from 1.
func place(text []byte, offset int64) string {
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

// readText reads a small file whole.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxText {
		return nil, fmt.Errorf("%s: more than %d MiB are too much for such a file", path, maxText>>20)
	}
	return text, nil
}
