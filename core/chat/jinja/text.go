package jinja

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(v), which is what `{{ v }}` writes.
func (s *state) str(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case undefined:
		return "", nil
	}
	var b bytes.Buffer
	err := s.repr(&b, v, 0)
	return b.String(), err
}

// repr writes Python's repr(v).
func (s *state) repr(b *bytes.Buffer, v any, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if b.Len() > maxOutput {
		return errSize
	}
	start := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(formatFloat(v))
	case string:
		b.WriteString(quote(v))
	case undefined:
		b.WriteString("Undefined")
	case *List:
		if err := s.reprList(b, v, depth); err != nil {
			return err
		}
		return s.spend(1)
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := s.repr(b, k, depth+1); err != nil {
				return err
			}
			b.WriteString(": ")
			if err := s.repr(b, v.values[k], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return s.spend(1)
	case *namespace:
		b.WriteString("<Namespace ")
		if err := s.repr(b, v.vars, depth+1); err != nil {
			return err
		}
		b.WriteByte('>')
	default:
		b.WriteString("<" + typeName(v) + ">")
	}
	return s.made(b.Len() - start)
}

func (s *state) reprList(b *bytes.Buffer, v *List, depth int) error {
	open, end := "[", "]"
	if v.view != "" {
		open, end = v.view+"([", "])"
	}
	if v.Tuple {
		open, end = "(", ")"
		if len(v.Items) == 1 {
			end = ",)"
		}
	}
	b.WriteString(open)
	for i, item := range v.Items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := s.repr(b, item, depth+1); err != nil {
			return err
		}
	}
	b.WriteString(end)
	return nil
}

func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// quote is Python's repr of a string.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b := []byte{q}
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == ' ' || unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < 0x100:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return string(append(b, q))
}
