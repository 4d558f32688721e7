package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// node is a value of the JSON file together with the way to it, so that an
// error can say where it is.
type node struct {
	raw  json.RawMessage
	path string
	// members holds an object's members once they were asked for: the
	// vocabulary must not be scanned for every field beside it.
	members *map[string]json.RawMessage
}

func newNode(raw json.RawMessage, path string) node {
	return node{raw: raw, path: path, members: new(map[string]json.RawMessage)}
}

func (n node) errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if n.path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", n.path, err)
}

func (n node) unsupported(what, kind string) error {
	return n.errorf("%s type %q is not supported", what, kind)
}

func (n node) null() bool {
	return len(n.raw) == 0 || bytes.Equal(n.raw, []byte("null"))
}

// at returns a member of an object; a missing one is null.
func (n node) at(key string) node {
	path := key
	if n.path != "" {
		path = n.path + "." + key
	}
	fields, err := n.object()
	if err != nil {
		return newNode(nil, path)
	}
	return newNode(fields[key], path)
}

func (n node) object() (map[string]json.RawMessage, error) {
	if *n.members == nil {
		if err := n.decode(n.members, "an object"); err != nil {
			return nil, err
		}
	}
	return *n.members, nil
}

func (n node) decode(into any, want string) error {
	if n.null() {
		return n.errorf("is missing, want %s", want)
	}
	if err := json.Unmarshal(n.raw, into); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return n.errorf("is not JSON: %w (byte %d)", err, syntax.Offset)
		}
		return n.errorf("is %s, want %s", clip(n.raw), want)
	}
	return nil
}

func clip(raw []byte) string {
	const most = 60
	if len(raw) <= most {
		return string(raw)
	}
	return string(bytes.ToValidUTF8(raw[:most], nil)) + "…"
}

func (n node) kind() (string, error) { return n.str("type") }

func (n node) str(key string) (string, error) {
	var s string
	return s, n.at(key).decode(&s, "a string")
}

func (n node) strOr(key, fallback string) (string, error) {
	if n.at(key).null() {
		return fallback, nil
	}
	return n.str(key)
}

func (n node) boolOr(key string, fallback bool) (bool, error) {
	m := n.at(key)
	if m.null() {
		return fallback, nil
	}
	var b bool
	return b, m.decode(&b, "true or false")
}

// intOr reads a number that must not be negative.
func (n node) intOr(key string, fallback int) (int, error) {
	m := n.at(key)
	if m.null() {
		return fallback, nil
	}
	var i int
	if err := m.decode(&i, "a whole number"); err != nil {
		return 0, err
	}
	if i < 0 {
		return 0, m.errorf("is %d, want 0 or more", i)
	}
	return i, nil
}

func (n node) list(key string) ([]node, error) {
	m := n.at(key)
	var raws []json.RawMessage
	if err := m.decode(&raws, "a list"); err != nil {
		return nil, err
	}
	nodes := make([]node, len(raws))
	for i, raw := range raws {
		nodes[i] = newNode(raw, fmt.Sprintf("%s[%d]", m.path, i))
	}
	return nodes, nil
}

// sequence parses the members of a Sequence, of which null ones are left out.
func sequence[T any](n node, key string, parse func(node) (T, error)) ([]T, error) {
	items, err := n.list(key)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(items))
	for _, item := range items {
		if item.null() {
			continue
		}
		one, err := parse(item)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
