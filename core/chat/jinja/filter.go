package jinja

import (
	"fmt"
	"math"
	"net/url"
	"slices"
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
		"e": escape, "escape": escape, "first": first, "last": last, "float": toFloat, "int": toInt,
		"format":  func(s *state, v any, args arguments) (any, error) { return s.formatFilter(v, args) },
		"groupby": groupBy, "indent": indent, "items": items, "join": join, "list": list,
		"lower": onText(strings.ToLower), "upper": onText(strings.ToUpper), "title": onText(titleWords),
		"map": mapFilter, "max": extreme(1), "min": extreme(-1),
		"select": keeping(true, false), "reject": keeping(false, false),
		"selectattr": keeping(true, true), "rejectattr": keeping(false, true),
		"replace": replace, "reverse": reverse, "round": round,
		"safe": func(_ *state, v any, _ arguments) (any, error) { return v, nil },
		"sort": sorted, "string": func(s *state, v any, _ arguments) (any, error) { return s.str(v) },
		"sum": sum, "tojson": toJSON, "trim": trimFilter, "unique": unique, "urlencode": urlEncode,
		"wordcount": func(s *state, v any, _ arguments) (any, error) {
			text, err := s.str(v)
			return int64(len(splitSpace(text, -1))), err
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

func batch(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	size, err := intArg(args, 0, "linecount", 0)
	if err != nil || size < 1 {
		return nil, fmt.Errorf("wants a size of at least 1")
	}
	out := &List{}
	for part := range slices.Chunk(all, int(min(size, int64(max(len(all), 1))))) {
		out.Items = append(out.Items, &List{Items: part})
	}
	return out, s.made(16 * len(all))
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

// foldCase is what sorting ignores unless it is told otherwise.
func foldCase(v any) any {
	if text, ok := v.(string); ok {
		return strings.ToLower(text)
	}
	return v
}

// sortBy sorts a copy of all by key, keeping the order of equals.
func (s *state) sortBy(all []any, key func(any) (any, error), reverse bool) (*List, error) {
	type keyed struct{ key, value any }
	pairs := make([]keyed, len(all))
	for i, v := range all {
		k, err := key(v)
		if err != nil {
			return nil, err
		}
		pairs[i] = keyed{k, v}
	}
	var failed error
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		if failed = s.spend(1); failed != nil {
			return 0
		}
		c, err := s.order(a.key, b.key, 0)
		failed = err
		if c == unordered {
			c = 0
		}
		if reverse {
			return -c
		}
		return c
	})
	out := &List{Items: make([]any, len(pairs))}
	for i, p := range pairs {
		out.Items[i] = p.value
	}
	return out, failed
}

func dictSort(s *state, v any, args arguments) (any, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("wants a dict, not %s", typeName(v))
	}
	index := 0
	if args.take(1, "by", "key") == any("value") {
		index = 1
	}
	exact := truth(args.take(0, "case_sensitive", false))
	return s.sortBy(d.pairs().Items, func(pair any) (any, error) {
		k := pair.(*List).Items[index]
		if !exact {
			k = foldCase(k)
		}
		return k, nil
	}, truth(args.take(2, "reverse", false)))
}

func sorted(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	exact := truth(args.take(1, "case_sensitive", false))
	path := args.take(2, "attribute", nil)
	return s.sortBy(all, func(item any) (any, error) {
		k, err := s.path(item, path)
		if !exact {
			k = foldCase(k)
		}
		return k, err
	}, truth(args.take(0, "reverse", false)))
}

// path follows an attribute argument such as "function.name" or 0.
func (s *state) path(v, path any) (any, error) {
	if path == nil {
		return v, nil
	}
	text, ok := path.(string)
	if !ok {
		return s.item(v, path)
	}
	for _, name := range strings.Split(text, ".") {
		key := any(name)
		if i, err := strconv.ParseInt(name, 10, 64); err == nil {
			key = i
		}
		var err error
		if v, err = s.item(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func groupBy(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	path := args.take(0, "attribute", nil)
	key := func(item any) (any, error) {
		k, err := s.path(item, path)
		return foldCase(k), err
	}
	in, err := s.sortBy(all, key, false)
	if err != nil {
		return nil, err
	}
	out := &List{}
	var current any
	var group *List
	for _, item := range in.Items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		same := false
		if group != nil {
			if same, err = s.equal(k, current, 0); err != nil {
				return nil, err
			}
		}
		if !same {
			shown, _ := s.path(item, path)
			current, group = k, &List{}
			out.Items = append(out.Items, &List{[]any{shown, group}, true})
		}
		group.Items = append(group.Items, item)
	}
	return out, nil
}

func escape(s *state, v any, _ arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	out := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text)
	return out, s.made(len(out))
}

func first(s *state, v any, _ arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil || len(all) == 0 {
		return undefined{"the first element"}, err
	}
	return all[0], nil
}

func last(s *state, v any, _ arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil || len(all) == 0 {
		return undefined{"the last element"}, err
	}
	return all[len(all)-1], nil
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
	f, ok := number(v)
	if text, isText := v.(string); isText {
		text = strings.TrimFunc(text, isSpace)
		base, err := intArg(args, 1, "base", 10)
		if err != nil {
			return nil, err
		}
		if n, err := strconv.ParseInt(text, int(min(max(base, 2), 36)), 64); err == nil {
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
	return s.format(text, &List{args.positional, true})
}

func indent(s *state, v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
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
		if i == 0 && !truth(args.take(1, "first", false)) || line == "" && !truth(args.take(2, "blank", false)) {
			continue
		}
		lines[i] = by + line
	}
	out := strings.Join(lines, "\n")
	return out, s.made(len(out))
}

func items(s *state, v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case undefined:
		return &List{}, nil
	case *Dict:
		return v.pairs(), s.made(16 * len(v.keys))
	}
	return nil, fmt.Errorf("wants a dict, not %s", typeName(v))
}

func join(s *state, v any, args arguments) (any, error) {
	sep, err := s.str(args.take(0, "d", ""))
	if err != nil {
		return nil, err
	}
	if path := args.take(1, "attribute", nil); path != nil {
		all, err := s.iterate(v)
		if err != nil {
			return nil, err
		}
		picked := &List{}
		for _, item := range all {
			p, err := s.path(item, path)
			if err != nil {
				return nil, err
			}
			picked.Items = append(picked.Items, p)
		}
		v = picked
	}
	return s.join(v, sep)
}

func (s *state) join(v any, sep string) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, item := range all {
		text, err := s.str(item)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(text)
		if b.Len() > maxOutput {
			return nil, errSize
		}
		if err := s.made(len(sep) + len(text)); err != nil {
			return nil, err
		}
	}
	return b.String(), nil
}

func list(s *state, v any, _ arguments) (any, error) {
	all, err := s.iterate(v)
	return &List{Items: all}, err
}

func mapFilter(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	path := args.take(-1, "attribute", nil)
	each := func(item any) (any, error) {
		out, err := s.path(item, path)
		if _, missing := out.(undefined); missing {
			out = args.take(-1, "default", out)
		}
		return out, err
	}
	if path == nil {
		name, err := stringArg(args, 0, "")
		if err != nil {
			return nil, err
		}
		f, ok := filters[name]
		if !ok {
			return nil, fmt.Errorf("unknown filter `%s`", name)
		}
		rest := arguments{args.positional[1:], args.named}
		each = func(item any) (any, error) { return f(s, item, rest) }
	}
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	out := &List{Items: make([]any, 0, len(all))}
	for _, item := range all {
		if err := s.spend(1); err != nil {
			return nil, err
		}
		mapped, err := each(item)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, mapped)
	}
	return out, nil
}

// keeping is select and reject, and with attribute selectattr and rejectattr.
func keeping(wanted, attribute bool) filter {
	return func(s *state, v any, args arguments) (any, error) {
		all, err := s.iterate(v)
		if err != nil {
			return nil, err
		}
		var path any
		rest := args.positional
		if attribute {
			if len(rest) == 0 {
				return nil, fmt.Errorf("wants the name of an attribute")
			}
			path, rest = rest[0], rest[1:]
		}
		check := test(func(_ *state, v any, _ arguments) (bool, error) { return truth(v), nil })
		if len(rest) > 0 {
			name, _ := rest[0].(string)
			var ok bool
			if check, ok = tests[name]; !ok {
				if check, ok = operatorTests[name]; !ok {
					return nil, fmt.Errorf("unknown test `%s`", name)
				}
			}
			rest = rest[1:]
		}
		out := &List{}
		for _, item := range all {
			member, err := s.path(item, path)
			if err != nil {
				return nil, err
			}
			ok, err := check(s, member, arguments{rest, args.named})
			if err != nil {
				return nil, err
			}
			if ok == wanted {
				out.Items = append(out.Items, item)
			}
		}
		return out, s.spend(1 + len(all))
	}
}

// operatorTests are the tests whose names are operators.
var operatorTests = map[string]test{
	"==": comparison("=="), "!=": comparison("!="), "<": comparison("<"), "<=": comparison("<="),
	">": comparison(">"), ">=": comparison(">="),
}

func extreme(sign int) filter {
	return func(s *state, v any, args arguments) (any, error) {
		all, err := s.iterate(v)
		if err != nil {
			return nil, err
		}
		best := any(undefined{"the extreme of no elements"})
		var bestKey any
		for i, item := range all {
			key, err := s.path(item, args.take(1, "attribute", nil))
			if err != nil {
				return nil, err
			}
			if !truth(args.take(0, "case_sensitive", false)) {
				key = foldCase(key)
			}
			if i > 0 {
				c, err := s.order(key, bestKey, 0)
				if err != nil {
					return nil, err
				}
				if c != sign {
					continue
				}
			}
			best, bestKey = item, key
		}
		return best, s.spend(len(all))
	}
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

func reverse(s *state, v any, _ arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	back := slices.Clone(all)
	slices.Reverse(back)
	if _, ok := v.(string); ok {
		return s.join(&List{Items: back}, "")
	}
	return &List{Items: back}, s.made(16 * len(back))
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

func sum(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	total := args.take(1, "start", int64(0))
	for _, item := range all {
		member, err := s.path(item, args.take(0, "attribute", nil))
		if err != nil {
			return nil, err
		}
		if total, err = (&binaryNode{"+", &constNode{total}, &constNode{member}}).eval(s); err != nil {
			return nil, err
		}
	}
	return total, s.spend(len(all))
}

func trimFilter(s *state, v any, args arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	return trim(strings.TrimFunc)(s, text, args)
}

func unique(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	out := &List{}
	for _, item := range all {
		k, err := s.path(item, args.take(1, "attribute", nil))
		if err != nil {
			return nil, err
		}
		if !truth(args.take(0, "case_sensitive", false)) {
			k = foldCase(k)
		}
		if k, err = hashable(k); err != nil {
			return nil, err
		}
		if !seen[k] {
			seen[k] = true
			out.Items = append(out.Items, item)
		}
	}
	return out, s.spend(len(all))
}

func urlEncode(s *state, v any, _ arguments) (any, error) {
	text, err := s.str(v)
	if err != nil {
		return nil, err
	}
	out := strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), "%2F", "/")
	return out, s.made(len(out))
}
