package jinja

import (
	"fmt"
	"math"
	"strings"
)

type compareNode struct {
	first expression
	ops   []string
	rest  []expression
}

func (n *compareNode) eval(s *state) (any, error) {
	left, err := n.first.eval(s)
	if err != nil {
		return nil, err
	}
	for i, op := range n.ops {
		right, err := n.rest[i].eval(s)
		if err != nil {
			return nil, err
		}
		ok, err := s.compare(op, left, right)
		if err != nil || !ok {
			return false, err
		}
		left = right
	}
	return true, nil
}

func (s *state) compare(op string, a, b any) (bool, error) {
	switch op {
	case "==", "!=":
		eq, err := s.equal(a, b, 0)
		return eq == (op == "=="), err
	case "in", "not in":
		in, err := s.contains(b, a)
		return in == (op == "in"), err
	}
	c, err := s.order(a, b, 0)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0 && c != unordered, nil
	}
	return c >= 0 && c != unordered, nil
}

// number returns a value as a float, and whether it is a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// integer returns a value as an integer, and whether it is one.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

// equal is Python's ==.
func (s *state) equal(a, b any, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errDepth
	}
	if err := s.spend(1); err != nil {
		return false, err
	}
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return x == y, nil
		}
	}
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case string:
		b, ok := b.(string)
		return ok && a == b, s.spend(min(len(a), len(b)) / 64)
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case *List:
		b, ok := b.(*List)
		if !ok || len(a.Items) != len(b.Items) || a.Tuple != b.Tuple {
			return false, nil
		}
		for i := range a.Items {
			if eq, err := s.equal(a.Items[i], b.Items[i], depth+1); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || len(a.keys) != len(b.keys) {
			return false, nil
		}
		for _, k := range a.keys {
			other, ok := b.values[k]
			if !ok {
				return false, nil
			}
			if eq, err := s.equal(a.values[k], other, depth+1); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	case *namespace:
		b, ok := b.(*namespace)
		return ok && a == b, nil
	case *loop:
		b, ok := b.(*loop)
		return ok && a == b, nil
	}
	return false, nil
}

// unordered is what order says of NaN.
const unordered = 2

// order compares as Python's <: below 0, 0 or 1.
func (s *state) order(a, b any, depth int) (int, error) {
	if depth > maxDepth {
		return 0, errDepth
	}
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return three(x < y, x > y), nil
		}
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			if math.IsNaN(x) || math.IsNaN(y) {
				return unordered, nil
			}
			return three(x < y, x > y), nil
		}
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), s.spend(1 + min(len(x), len(y))/64)
		}
	}
	x, okA := a.(*List)
	y, okB := b.(*List)
	if okA && okB && x.Tuple == y.Tuple && x.view+y.view == "" {
		for i := range min(len(x.Items), len(y.Items)) {
			eq, err := s.equal(x.Items[i], y.Items[i], depth+1)
			if err != nil {
				return 0, err
			}
			if !eq {
				return s.order(x.Items[i], y.Items[i], depth+1)
			}
		}
		return three(len(x.Items) < len(y.Items), len(x.Items) > len(y.Items)), nil
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return 0, u.err()
		}
	}
	return 0, fmt.Errorf("%s and %s have no order", typeName(a), typeName(b))
}

func three(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

// contains is Python's `item in v`.
func (s *state) contains(v, item any) (bool, error) {
	switch v := v.(type) {
	case string:
		sub, ok := item.(string)
		if !ok {
			return false, fmt.Errorf("`in` a string wants a string, not %s", typeName(item))
		}
		return strings.Contains(v, sub), s.spend(1 + len(v)/64)
	case *Dict:
		if _, ok := item.(undefined); ok {
			return false, nil
		}
		if _, err := hashable(item); err != nil {
			return false, err
		}
		_, ok := v.get(item)
		return ok, nil
	case *namespace:
		return false, fmt.Errorf("`in` does not work on %s", typeName(v))
	}
	items, err := s.iterate(v)
	if err != nil {
		return false, fmt.Errorf("`in` does not work on %s", typeName(v))
	}
	for _, other := range items {
		if eq, err := s.equal(other, item, 0); err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}
