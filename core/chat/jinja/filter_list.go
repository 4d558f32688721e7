package jinja

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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
		// Of equal values none needs an order: Jinja compares lists of keys.
		same, err := s.equal(a.key, b.key, 0)
		if failed = err; same || err != nil {
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
			out.Items = append(out.Items, &List{Items: []any{shown, group}, Tuple: true})
		}
		group.Items = append(group.Items, item)
	}
	return out, nil
}

func first(s *state, v any, _ arguments) (any, error) {
	all, err := s.iterate(v)
	if err != nil || len(all) == 0 {
		return undefined{"the first element"}, err
	}
	if g, ok := v.(*generator); ok {
		g.items = all[1:]
	}
	return all[0], nil
}

func last(s *state, v any, _ arguments) (any, error) {
	if _, ok := v.(*generator); ok {
		return nil, fmt.Errorf("%s has no end to begin from", typeName(v))
	}
	all, err := s.iterate(v)
	if err != nil || len(all) == 0 {
		return undefined{"the last element"}, err
	}
	return all[len(all)-1], nil
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
