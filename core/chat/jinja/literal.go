package jinja

import (
	"fmt"
)

type expression interface {
	eval(s *state) (any, error)
}

type constNode struct{ value any }

func (n *constNode) eval(*state) (any, error) { return n.value, nil }

type nameNode struct{ name string }

func (n *nameNode) eval(s *state) (any, error) {
	if v, ok := s.scope.find(n.name); ok {
		return v, s.spend(1)
	}
	return undefined{"'" + n.name + "'"}, s.spend(1)
}

type listNode struct {
	items []expression
	tuple bool
}

func (n *listNode) eval(s *state) (any, error) {
	l := &List{Tuple: n.tuple, Items: make([]any, len(n.items))}
	for i, e := range n.items {
		v, err := e.eval(s)
		if err != nil {
			return nil, err
		}
		l.Items[i] = v
	}
	return l, s.spend(1)
}

type dictNode struct{ keys, values []expression }

func (n *dictNode) eval(s *state) (any, error) {
	d := NewDict()
	for i := range n.keys {
		k, err := n.keys[i].eval(s)
		if err != nil {
			return nil, err
		}
		if k, err = hashable(k); err != nil {
			return nil, err
		}
		v, err := n.values[i].eval(s)
		if err != nil {
			return nil, err
		}
		d.set(k, v)
	}
	return d, s.spend(1)
}

type condNode struct{ then, test, orElse expression }

func (n *condNode) eval(s *state) (any, error) {
	v, err := n.test.eval(s)
	if err != nil {
		return nil, err
	}
	if truth(v) {
		return n.then.eval(s)
	}
	if n.orElse == nil {
		return undefined{"the value of an `if` without `else`"}, nil
	}
	return n.orElse.eval(s)
}

type logicNode struct {
	left, right expression
	or          bool
}

func (n *logicNode) eval(s *state) (any, error) {
	v, err := n.left.eval(s)
	if err != nil || truth(v) == n.or {
		return v, err
	}
	return n.right.eval(s)
}

type notNode struct{ value expression }

func (n *notNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	return !truth(v), err
}

type signNode struct {
	value  expression
	negate bool
}

func (n *signNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	if b, ok := v.(bool); ok {
		v, _ = hashable(b)
	}
	switch v := v.(type) {
	case int64:
		if n.negate {
			return -v, nil
		}
		return v, nil
	case float64:
		if n.negate {
			return -v, nil
		}
		return v, nil
	}
	return nil, fmt.Errorf("%s has no sign", typeName(v))
}
