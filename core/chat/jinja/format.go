package jinja

import (
	"fmt"
	"strings"
)

// formatMethod is str.format with the plain fields {}, {0} and {name}.
func formatMethod(s *state, v string, args arguments) (any, error) {
	var b strings.Builder
	next := 0
	for i := 0; i < len(v); i++ {
		if strings.HasPrefix(v[i:], "{{") || strings.HasPrefix(v[i:], "}}") {
			b.WriteByte(v[i])
			i++
			continue
		}
		if v[i] != '{' {
			b.WriteByte(v[i])
			continue
		}
		end := strings.IndexByte(v[i:], '}')
		if end < 0 {
			return nil, fmt.Errorf("a `{` is not closed")
		}
		field := v[i+1 : i+end]
		i += end
		value, err := formatField(field, &next, args)
		if err != nil {
			return nil, err
		}
		text, err := s.str(value)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
		if err := s.made(b.Len()); err != nil {
			return nil, err
		}
	}
	return b.String(), nil
}

func formatField(field string, next *int, args arguments) (any, error) {
	index := *next
	if field == "" {
		*next++
	} else if n, err := fmt.Sscanf(field, "%d", &index); n != 1 || err != nil {
		if v := args.take(-1, field, undefined{}); args.named != nil && v != any(undefined{}) {
			return v, nil
		}
		return nil, fmt.Errorf("there is no value for the field {%s}", field)
	}
	if index < 0 || index >= len(args.positional) {
		return nil, fmt.Errorf("there is no value for the field {%s}", field)
	}
	return args.positional[index], nil
}

// format is Python's `format % values` with %s, %r, %d, %i, %f and %%.
func (s *state) format(format string, values any) (any, error) {
	items := []any{values}
	if l, ok := values.(*List); ok && l.Tuple {
		items = l.Items
	}
	var b strings.Builder
	used := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		start := i
		for i++; i < len(format) && strings.IndexByte("0123456789.-+ #", format[i]) >= 0; i++ {
		}
		if i == len(format) || i-start > 8 {
			return nil, fmt.Errorf("the format %q is not understood", format[start:i])
		}
		if format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		if used == len(items) {
			return nil, fmt.Errorf("there are not enough values for the format")
		}
		text, err := s.formatOne(format[start:i], format[i], items[used])
		if err != nil {
			return nil, err
		}
		used++
		b.WriteString(text)
		if err := s.made(b.Len()); err != nil {
			return nil, err
		}
	}
	if used < len(items) {
		return nil, fmt.Errorf("there are more values than the format has places")
	}
	return b.String(), nil
}

func (s *state) formatOne(flags string, verb byte, v any) (string, error) {
	switch verb {
	case 's':
		text, err := s.str(v)
		return fmt.Sprintf(flags+"s", text), err
	case 'r':
		text, err := s.str(&List{Items: []any{v}})
		return fmt.Sprintf(flags+"s", strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")), err
	case 'd', 'i':
		if f, ok := v.(float64); ok {
			v = int64(f)
		}
		if n, ok := integer(v); ok {
			return fmt.Sprintf(flags+"d", n), nil
		}
	case 'f':
		if f, ok := number(v); ok {
			return fmt.Sprintf(flags+"f", f), nil
		}
	}
	return "", fmt.Errorf("%s%c does not format %s", flags, verb, typeName(v))
}
