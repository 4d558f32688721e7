package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A value is nil (Python's None), bool, int64, float64, string, *List, *Dict,
// undefined, *generator, *namespace, *loop or a function. Lists and dicts never change
// once a template can see them.

// List is a list or, where Tuple is set, a tuple.
type List struct {
	Items []any
	Tuple bool
	// view is the name of a view of a dict, which has a length but no
	// elements that can be asked for: "dict_keys".
	view string
}

// Dict is a mapping in the order of insertion.
type Dict struct {
	keys   []any
	values map[any]any
}

// NewDict makes a dict of keys, which are strings, and values in turn.
func NewDict(keysAndValues ...any) *Dict {
	d := &Dict{values: map[any]any{}}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		d.Set(keysAndValues[i].(string), keysAndValues[i+1])
	}
	return d
}

// Set adds a member or replaces its value.
func (d *Dict) Set(key string, value any) { d.set(key, value) }

// Get returns a member.
func (d *Dict) Get(key string) (any, bool) { return d.get(key) }

// Strings returns the members whose keys are strings, as Execute takes them.
func (d *Dict) Strings() map[string]any {
	vars := map[string]any{}
	for _, k := range d.keys {
		if name, ok := k.(string); ok {
			vars[name] = d.values[k]
		}
	}
	return vars
}

func (d *Dict) set(key, value any) {
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

func (d *Dict) get(key any) (any, bool) {
	k, err := hashable(key)
	if err != nil {
		return nil, false
	}
	v, ok := d.values[k]
	return v, ok
}

// hashable brings a value into the form in which it is a key: as in Python,
// 1, 1.0 and True are one key.
func hashable(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case nil, string, int64:
		return v, nil
	}
	return nil, fmt.Errorf("%s cannot be a key", typeName(v))
}

// undefined is the value of a name that has none.
type undefined struct{ name string }

func (u undefined) err() error { return fmt.Errorf("%s is undefined", u.name) }

// generator is what a lazy filter gives: elements to go through once, with
// neither length nor index, and true even when there are none.
type generator struct{ items []any }

// namespace is the object of namespace(), whose members can be set.
type namespace struct{ vars *Dict }

// arguments are those of a call.
type arguments struct {
	positional []any
	named      *Dict
}

// function is anything that can be called.
type function func(s *state, args arguments) (any, error)

// take returns the argument at a position (-1: none) or of a name, else fallback.
func (a arguments) take(i int, name string, fallback any) any {
	if i >= 0 && i < len(a.positional) {
		return a.positional[i]
	}
	if a.named != nil && name != "" {
		if v, ok := a.named.get(name); ok {
			return v
		}
	}
	return fallback
}

// convert turns Go values into template values.
func convert(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, undefined:
		return v, nil
	case int:
		return int64(v), nil
	case []string:
		l := &List{}
		for _, s := range v {
			l.Items = append(l.Items, s)
		}
		return l, nil
	case []any:
		l := &List{}
		for i, item := range v {
			c, err := convert(item)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			l.Items = append(l.Items, c)
		}
		return l, nil
	case *List:
		l, err := convert(v.Items)
		if err != nil {
			return nil, err
		}
		l.(*List).Tuple = v.Tuple
		return l, nil
	case *Dict:
		d := NewDict()
		for _, k := range v.keys {
			c, err := convert(v.values[k])
			if err != nil {
				return nil, fmt.Errorf("%v: %w", k, err)
			}
			d.set(k, c)
		}
		return d, nil
	}
	return nil, fmt.Errorf("values of type %T are not for templates", v)
}

// ParseJSON reads a JSON value with its members in their order.
func ParseJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("JSON value is followed by more at byte %d", d.InputOffset())
	}
	return v, nil
}

func readJSON(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(tok.String(), 10, 64); err == nil {
			return i, nil
		}
		return tok.Float64()
	case json.Delim:
		if tok == '[' {
			l := &List{}
			for d.More() {
				v, err := readJSON(d, depth+1)
				if err != nil {
					return nil, err
				}
				l.Items = append(l.Items, v)
			}
			_, err := d.Token()
			return l, err
		}
		dict := NewDict()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			dict.set(key, v)
		}
		_, err := d.Token()
		return dict, err
	}
	return tok, nil
}

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a boolean"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a string"
	case *List:
		switch {
		case v.Tuple:
			return "a tuple"
		case v.view != "":
			return "a view of a dict (use `| list`)"
		}
		return "a list"
	case *Dict:
		return "a dict"
	case undefined:
		return "undefined (" + v.name + ")"
	case *namespace:
		return "a namespace"
	case *loop:
		return "the loop"
	case *generator:
		return "a generator (use `| list`)"
	}
	return "a function"
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// iterate returns what a loop over v goes through.
func (s *state) iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case *List:
		return v.Items, s.spend(1)
	case *Dict:
		return v.keys, s.spend(1)
	case *generator:
		items := v.items
		v.items = nil
		return items, s.spend(1)
	case string:
		items := make([]any, 0, min(len(v), 1<<20))
		if err := s.made(16 * len(v)); err != nil {
			return nil, err
		}
		for _, r := range v {
			items = append(items, string(r))
		}
		return items, nil
	}
	return nil, fmt.Errorf("%s cannot be iterated over", typeName(v))
}
