package jinja

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filter is what stands after `|`.
type filter func(s *state, v any, args arguments) (any, error)

var filters map[string]filter

func init() {
	filters = map[string]filter{
		"abs": abs, "attr": attr, "batch": batch, "capitalize": onText(capitalize), "center": center,
		"count": length, "length": length, "d": fallback, "default": fallback, "dictsort": dictSort,
		"e": escape, "escape": escape, "forceescape": escape, "first": first, "last": last, "float": toFloat, "int": toInt,
		"format":  func(s *state, v any, args arguments) (any, error) { return s.formatFilter(v, args) },
		"groupby": groupBy, "indent": indent, "items": items, "join": join, "list": list,
		"lower": onText(lower), "upper": onText(upper), "title": onText(titleWords),
		"map": mapFilter, "max": extreme(1), "min": extreme(-1),
		"select": keeping(true, false), "reject": keeping(false, false),
		"selectattr": keeping(true, true), "rejectattr": keeping(false, true),
		"replace": replace, "reverse": reverse, "round": round,
		"safe":  func(s *state, v any, _ arguments) (any, error) { return s.str(v) },
		"slice": slice, "sort": sorted, "string": func(s *state, v any, _ arguments) (any, error) { return s.str(v) },
		"sum": sum, "tojson": toJSON, "trim": trimFilter, "unique": unique, "urlencode": urlEncode,
		"wordcount": func(s *state, v any, _ arguments) (any, error) {
			text, err := s.str(v)
			return int64(len(strings.FieldsFunc(text, func(r rune) bool { return !isNameRune(r, false) }))), err
		},
	}
}

func onText(f func(string) string) filter {
	return func(s *state, v any, _ arguments) (any, error) {
		text, err := s.str(v)
		if err != nil {
			return nil, err
		}
		return f(text), s.made(len(text))
	}
}

// titleWords is the filter's title: words begin after space, `-`, `(`, `{`, `[` and `<`.
func titleWords(v string) string {
	start := true
	var b strings.Builder
	for _, r := range v {
		if start {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteString(strings.ToLower(string(r)))
		}
		start = isSpace(r) || strings.ContainsRune("-({[<", r)
	}
	return b.String()
}

func abs(_ *state, v any, _ arguments) (any, error) {
	if n, ok := integer(v); ok {
		return max(n, -n), nil
	}
	if f, ok := number(v); ok {
		return math.Abs(f), nil
	}
	return nil, fmt.Errorf("%s is not a number", typeName(v))
}

func attr(s *state, v any, args arguments) (any, error) {
	name, err := stringArg(args, 0, "name")
	if err != nil {
		return nil, err
	}
	if ns, ok := v.(*namespace); ok {
		if member, ok := ns.vars.get(name); ok {
			return member, nil
		}
	}
	if m := method(v, name); m != nil {
		return m, nil
	}
	return undefined{fmt.Sprintf("'%s' of %s", name, typeName(v))}, nil
}

func center(s *state, v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	width, err := intArg(args, 0, "width", 80)
	if err != nil {
		return nil, err
	}
	return justify(centered)(s, text, arguments{positional: []any{width}})
}

func length(s *state, v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case undefined:
		return int64(0), nil
	case string:
		return int64(utf8.RuneCountInString(v)), s.spend(1 + len(v)/64)
	case *List:
		return int64(len(v.Items)), nil
	case *Dict:
		return int64(len(v.keys)), nil
	case *loop:
		return int64(len(v.items)), nil
	}
	return nil, fmt.Errorf("%s has no length", typeName(v))
}

func fallback(_ *state, v any, args arguments) (any, error) {
	_, missing := v.(undefined)
	if missing || truth(args.take(1, "boolean", false)) && !truth(v) {
		return args.take(0, "default_value", ""), nil
	}
	return v, nil
}

func escape(s *state, v any, _ arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	out := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text)
	return out, s.made(len(out))
}

func toFloat(_ *state, v any, args arguments) (any, error) {
	if f, ok := number(v); ok {
		return f, nil
	}
	if text, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(text, isSpace), 64); err == nil {
			return f, nil
		}
	}
	return args.take(0, "default", 0.0), nil
}

func toInt(_ *state, v any, args arguments) (any, error) {
	if n, ok := integer(v); ok {
		return n, nil
	}
	if u, missing := v.(undefined); missing {
		return nil, u.err()
	}
	f, ok := number(v)
	if text, isText := v.(string); isText {
		text = strings.TrimFunc(text, isSpace)
		base, err := intArg(args, 1, "base", 10)
		if err != nil {
			return nil, err
		}
		digits := text
		if prefix, ok := map[int64]string{16: "0x", 8: "0o", 2: "0b"}[base]; ok {
			digits = strings.TrimPrefix(strings.ToLower(text), prefix)
		}
		if n, err := strconv.ParseInt(digits, int(min(max(base, 2), 36)), 64); err == nil {
			return n, nil
		}
		var err2 error
		f, err2 = strconv.ParseFloat(text, 64)
		ok = err2 == nil
	}
	if ok && math.Abs(f) < 1<<62 {
		return int64(f), nil
	}
	return args.take(0, "default", int64(0)), nil
}

func (s *state) formatFilter(v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	return s.format(text, &List{Items: args.positional, Tuple: true})
}

func indent(s *state, v any, args arguments) (any, error) {
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("wants a string, not %s", typeName(v))
	}
	width := args.take(0, "width", int64(4))
	by, ok := width.(string)
	if n, isInt := integer(width); isInt {
		if n > maxOutput/16 {
			return nil, errSize
		}
		by, ok = strings.Repeat(" ", int(max(n, 0))), true
	}
	if !ok {
		return nil, fmt.Errorf("wants a width, not %s", typeName(width))
	}
	lines := strings.Split(text, "\n")
	if err := s.made(len(text)); err != nil {
		return nil, err
	}
	if len(by) > 0 && len(lines) > maxOutput/len(by) {
		return nil, errSize
	}
	for i, line := range lines {
		if i == 0 && !truth(args.take(1, "first", false)) || i > 0 && line == "" && !truth(args.take(2, "blank", false)) {
			continue
		}
		lines[i] = by + line
	}
	out := strings.Join(lines, "\n")
	return out, s.made(len(out))
}

func replace(s *state, v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	if args.take(2, "count", nil) == nil && len(args.positional) > 2 {
		args.positional = args.positional[:2]
	}
	return replaceMethod(s, text, args)
}

func round(_ *state, v any, args arguments) (any, error) {
	f, ok := number(v)
	if !ok {
		return nil, fmt.Errorf("%s is not a number", typeName(v))
	}
	precision, err := intArg(args, 0, "precision", 0)
	if err != nil {
		return nil, err
	}
	if n, isInt := integer(v); isInt && args.take(1, "method", "common") == any("common") {
		return roundInteger(n, precision), nil
	}
	scale := math.Pow(10, float64(min(max(precision, -300), 300)))
	switch args.take(1, "method", "common") {
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	if precision >= 0 {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(min(precision, 300)), 64), 64)
		return rounded, err
	}
	return math.RoundToEven(f*scale) / scale, nil
}

// roundInteger rounds to a power of ten, halves to the even one.
func roundInteger(n, precision int64) int64 {
	if precision >= 0 {
		return n
	}
	if precision < -18 {
		return 0
	}
	unit := int64(math.Pow10(int(-precision)))
	return int64(math.RoundToEven(float64(n)/float64(unit))) * unit
}

func trimFilter(s *state, v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	return trim(strings.TrimFunc)(s, text, args)
}

func urlEncode(s *state, v any, _ arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	out := strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), "%2F", "/")
	return out, s.made(len(out))
}
