package jinja

import (
	"fmt"
	"unicode/utf8"
)

type attrNode struct {
	value expression
	name  string
}

func (n *attrNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	return s.attribute(v, n.name)
}

// attribute is `v.name`: a method goes before a member of that name.
func (s *state) attribute(v any, name string) (any, error) {
	if m := method(v, name); m != nil {
		return m, s.spend(1)
	}
	switch v := v.(type) {
	case undefined:
		return nil, v.err()
	case *Dict:
		if member, ok := v.get(name); ok {
			return member, s.spend(1)
		}
		return undefined{fmt.Sprintf("the member '%s'", name)}, nil
	case *namespace:
		if member, ok := v.vars.get(name); ok {
			return member, nil
		}
	case *loop:
		if member, ok := v.member(name); ok {
			return member, nil
		}
	}
	return undefined{fmt.Sprintf("'%s' of %s", name, typeName(v))}, nil
}

type itemNode struct{ value, index expression }

func (n *itemNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	index, err := n.index.eval(s)
	if err != nil {
		return nil, err
	}
	return s.item(v, index)
}

// item is `v[index]`: a member goes before a method of that name.
func (s *state) item(v, index any) (any, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	if d, ok := v.(*Dict); ok {
		if member, ok := d.get(index); ok {
			return member, s.spend(1)
		}
	}
	if i, ok := integer(index); ok {
		switch v := v.(type) {
		case *List:
			if i = wrap(i, len(v.Items)); v.view == "" && i >= 0 && i < int64(len(v.Items)) {
				return v.Items[i], nil
			}
		case string:
			if err := s.spend(1 + len(v)/64); err != nil {
				return nil, err
			}
			if i = wrap(i, utf8.RuneCountInString(v)); i >= 0 {
				for _, r := range v {
					if i == 0 {
						return string(r), nil
					}
					i--
				}
			}
		}
		return undefined{fmt.Sprintf("the element %v", index)}, nil
	}
	if name, ok := index.(string); ok {
		return s.attribute(v, name)
	}
	return undefined{"the element"}, nil
}

func wrap(i int64, n int) int64 {
	if i < 0 {
		return i + int64(n)
	}
	return i
}

type sliceNode struct {
	value expression
	parts [3]expression // start, stop, step; nil: left out
}

func (n *sliceNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, e := range n.parts {
		if e == nil {
			continue
		}
		b, err := e.eval(s)
		if err != nil {
			return nil, err
		}
		if b == nil {
			continue
		}
		k, ok := integer(b)
		if !ok {
			return nil, fmt.Errorf("a slice wants integers, not %s", typeName(b))
		}
		bounds[i] = &k
	}
	switch v := v.(type) {
	case undefined:
		return nil, v.err()
	case *List:
		if v.view != "" {
			break
		}
		items, err := cutSlice(v.Items, bounds)
		if err != nil {
			return nil, err
		}
		return &List{Items: items, Tuple: v.Tuple}, s.made(16 * len(items))
	case string:
		if err := s.made(len(v)); err != nil {
			return nil, err
		}
		runes, err := cutSlice([]rune(v), bounds)
		return string(runes), err
	}
	return nil, fmt.Errorf("%s cannot be sliced", typeName(v))
}

// cutSlice is Python's items[start:stop:step].
func cutSlice[T any](items []T, bounds [3]*int64) ([]T, error) {
	n, step := int64(len(items)), int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, fmt.Errorf("the step of a slice is 0")
	}
	low, high := int64(0), n
	start, stop := low, high
	if step < 0 {
		low, high = -1, n-1
		start, stop = high, low
	}
	clamp := func(b *int64, fallback int64) int64 {
		if b == nil {
			return fallback
		}
		return min(max(wrap(*b, int(n)), low), high)
	}
	start, stop = clamp(bounds[0], start), clamp(bounds[1], stop)
	var out []T
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		out = append(out, items[i])
		if step > n || step < -n {
			break
		}
	}
	return out, nil
}
