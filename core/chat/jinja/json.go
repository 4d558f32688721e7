package jinja

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// toJSON is Transformers' tojson: Python's json.dumps with ensure_ascii off.
func toJSON(s *state, v any, args arguments) (any, error) {
	w := &jsonWriter{s: s, item: ", ", key: ": "}
	// Transformers' order is (ensure_ascii, indent, separators, sort_keys).
	w.ascii = truth(args.take(0, "ensure_ascii", false))
	switch by := args.take(1, "indent", nil).(type) {
	case nil:
	case string:
		w.indent, w.pretty = by, true
	default:
		n, ok := integer(by)
		if !ok || n > 64 {
			return nil, fmt.Errorf("wants a small integer as indent, not %s", typeName(by))
		}
		w.indent, w.pretty = strings.Repeat(" ", int(max(n, 0))), true
	}
	if w.pretty {
		w.item = ","
	}
	if pair, ok := args.take(2, "separators", nil).(*List); ok && len(pair.Items) == 2 {
		for i, into := range []*string{&w.item, &w.key} {
			var err error
			if *into, err = s.str(pair.Items[i]); err != nil {
				return nil, err
			}
		}
	}
	w.sort = truth(args.take(3, "sort_keys", false))
	if err := w.write(v, 0); err != nil {
		return nil, err
	}
	return w.b.String(), s.made(w.b.Len())
}

type jsonWriter struct {
	s         *state
	b         bytes.Buffer
	item, key string
	indent    string
	pretty    bool
	ascii     bool
	sort      bool
}

func (w *jsonWriter) line(depth int) {
	if w.pretty {
		w.b.WriteByte('\n')
		for range depth {
			w.b.WriteString(w.indent)
		}
	}
}

func (w *jsonWriter) write(v any, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if w.b.Len() > maxOutput {
		return errSize
	}
	if err := w.s.spend(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		fmt.Fprintf(&w.b, "%t", v)
	case int64:
		fmt.Fprintf(&w.b, "%d", v)
	case float64:
		text := formatFloat(v)
		if known, ok := map[string]string{"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[text]; ok {
			text = known
		}
		w.b.WriteString(text)
	case string:
		w.text(v)
		return w.s.made(len(v))
	case *List:
		if v.view != "" {
			return fmt.Errorf("%s cannot be written as JSON", typeName(v))
		}
		return w.list(v, depth)
	case *Dict:
		return w.dict(v, depth)
	default:
		return fmt.Errorf("%s cannot be written as JSON", typeName(v))
	}
	return nil
}

func (w *jsonWriter) list(v *List, depth int) error {
	if len(v.Items) == 0 {
		w.b.WriteString("[]")
		return nil
	}
	w.b.WriteByte('[')
	for i, item := range v.Items {
		if i > 0 {
			w.b.WriteString(w.item)
		}
		w.line(depth + 1)
		if err := w.write(item, depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.b.WriteByte(']')
	return nil
}

func (w *jsonWriter) dict(v *Dict, depth int) error {
	if len(v.keys) == 0 {
		w.b.WriteString("{}")
		return nil
	}
	keys := v.keys
	if w.sort {
		keys = slices.Clone(keys)
		sorted, err := w.s.sortBy(keys, func(k any) (any, error) { return k, nil }, false)
		if err != nil {
			return err
		}
		keys = sorted.Items
	}
	w.b.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			w.b.WriteString(w.item)
		}
		w.line(depth + 1)
		name, ok := k.(string)
		if !ok {
			inner := &jsonWriter{s: w.s}
			if err := inner.write(k, depth+1); err != nil {
				return err
			}
			name = inner.b.String()
		}
		w.text(name)
		w.b.WriteString(w.key)
		if err := w.write(v.values[k], depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.b.WriteByte('}')
	return nil
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (w *jsonWriter) text(v string) {
	w.b.WriteByte('"')
	for _, r := range v {
		escape, ok := jsonEscapes[r]
		switch {
		case ok:
			w.b.WriteString(escape)
		case r < ' ' || w.ascii && r > '~' && r < 0x10000:
			fmt.Fprintf(&w.b, `\u%04x`, r)
		case w.ascii && r >= utf8.RuneSelf:
			r -= 0x10000
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			w.b.WriteRune(r)
		}
	}
	w.b.WriteByte('"')
}
