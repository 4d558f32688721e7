package jinja

import (
	"fmt"
	"slices"
)

// elements is what a lazy filter goes through: of a value that is false,
// nothing.
func (s *state) elements(v any) ([]any, error) {
	if !truth(v) {
		return nil, nil
	}
	return s.iterate(v)
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
	fill := args.take(1, "fill_with", nil)
	if fill != nil && size > maxOutput/16 {
		return nil, errSize
	}
	out := &generator{}
	for part := range slices.Chunk(all, int(min(size, int64(max(len(all), 1))))) {
		part = slices.Clone(part)
		for fill != nil && int64(len(part)) < size {
			part = append(part, fill)
		}
		out.items = append(out.items, &List{Items: part})
	}
	return out, s.made(16 * (len(all) + len(out.items)*int(min(size, int64(len(all))))))
}

// slice cuts a list into a number of lists, the first of which are longer.
func slice(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	n, err := intArg(args, 0, "slices", 0)
	if err != nil || n < 1 || n > maxOutput/16 {
		return nil, fmt.Errorf("wants a number of slices of at least 1")
	}
	fill := args.take(1, "fill_with", nil)
	out := &generator{}
	each, more := len(all)/int(n), len(all)%int(n)
	for i := range int(n) {
		size := each
		if i < more {
			size++
		}
		part := slices.Clone(all[:size])
		all = all[size:]
		if fill != nil && i >= more {
			part = append(part, fill)
		}
		out.items = append(out.items, &List{Items: part})
	}
	return out, s.made(16 * int(n))
}

func items(s *state, v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case undefined:
		return &generator{}, nil
	case *Dict:
		return &generator{v.pairs().Items}, s.made(16 * len(v.keys))
	}
	return nil, fmt.Errorf("wants a dict, not %s", typeName(v))
}

func mapFilter(s *state, v any, args arguments) (any, error) {
	all, err := s.elements(v)
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
	out := &generator{make([]any, 0, len(all))}
	for _, item := range all {
		if err := s.spend(1); err != nil {
			return nil, err
		}
		mapped, err := each(item)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, mapped)
	}
	return out, nil
}

// keeping is select and reject, and with attribute selectattr and rejectattr.
func keeping(wanted, attribute bool) filter {
	return func(s *state, v any, args arguments) (any, error) {
		all, err := s.elements(v)
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
		out := &generator{}
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
				out.items = append(out.items, item)
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
	return &generator{back}, s.made(16 * len(back))
}

func unique(s *state, v any, args arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	out := &generator{}
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
			out.items = append(out.items, item)
		}
	}
	return out, s.spend(len(all))
}
