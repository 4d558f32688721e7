package jinja

import (
	"fmt"
)

// method returns the method of a value, or nil. Those that would change a
// value are not there, as in Jinja's immutable sandbox.
func method(v any, name string) any {
	switch v := v.(type) {
	case string:
		if m, ok := stringMethods[name]; ok {
			return function(func(s *state, args arguments) (any, error) {
				out, err := m(s, v, args)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				if text, ok := out.(string); ok {
					return out, s.made(len(text))
				}
				return out, s.made(len(v))
			})
		}
	case *Dict:
		if m, ok := dictMethods[name]; ok {
			return function(func(s *state, args arguments) (any, error) { return m(s, v, args) })
		}
	case *List:
		if m, ok := listMethods[name]; ok && v.view == "" {
			return function(func(s *state, args arguments) (any, error) { return m(s, v, args) })
		}
	}
	return nil
}

var dictMethods = map[string]func(s *state, d *Dict, args arguments) (any, error){
	"items": func(s *state, d *Dict, _ arguments) (any, error) {
		return &List{Items: d.pairs().Items, view: "dict_items"}, s.made(16 * len(d.keys))
	},
	"keys": func(s *state, d *Dict, _ arguments) (any, error) {
		return &List{Items: d.keys, view: "dict_keys"}, s.spend(1)
	},
	"values": func(s *state, d *Dict, _ arguments) (any, error) {
		l := &List{view: "dict_values"}
		for _, k := range d.keys {
			l.Items = append(l.Items, d.values[k])
		}
		return l, s.made(16 * len(d.keys))
	},
	"get": func(s *state, d *Dict, args arguments) (any, error) {
		if v, ok := d.get(args.take(0, "", nil)); ok {
			return v, nil
		}
		return args.take(1, "", nil), s.spend(1)
	},
	"copy": func(_ *state, d *Dict, _ arguments) (any, error) { return d, nil },
}

func (d *Dict) pairs() *List {
	l := &List{}
	for _, k := range d.keys {
		l.Items = append(l.Items, &List{Items: []any{k, d.values[k]}, Tuple: true})
	}
	return l
}

var listMethods = map[string]func(s *state, l *List, args arguments) (any, error){
	"index": func(s *state, l *List, args arguments) (any, error) {
		for i, item := range l.Items {
			if eq, err := s.equal(item, args.take(0, "", nil), 0); err != nil || eq {
				return int64(i), err
			}
		}
		return nil, fmt.Errorf("index: the value is not in the list")
	},
	"count": func(s *state, l *List, args arguments) (any, error) {
		n := int64(0)
		for _, item := range l.Items {
			eq, err := s.equal(item, args.take(0, "", nil), 0)
			if err != nil {
				return nil, err
			}
			if eq {
				n++
			}
		}
		return n, nil
	},
	"copy": func(_ *state, l *List, _ arguments) (any, error) { return l, nil },
}
