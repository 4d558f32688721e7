package jinja

import (
	"fmt"
)

type argumentNode struct {
	value expression
	name  string // of a keyword argument
	star  string // "*" or "**" before it
}

type argumentNodes struct{ items []argumentNode }

func (n argumentNodes) eval(s *state) (arguments, error) {
	var args arguments
	name := func(k, v any) {
		if args.named == nil {
			args.named = NewDict()
		}
		args.named.set(k, v)
	}
	for _, a := range n.items {
		v, err := a.value.eval(s)
		if err != nil {
			return args, err
		}
		switch {
		case a.star == "*":
			items, err := s.iterate(v)
			if err != nil {
				return args, err
			}
			args.positional = append(args.positional, items...)
		case a.star == "**":
			d, ok := v.(*Dict)
			if !ok {
				return args, fmt.Errorf("`**` wants a dict, not %s", typeName(v))
			}
			for _, k := range d.keys {
				name(k, d.values[k])
			}
		case a.name != "":
			name(a.name, v)
		default:
			args.positional = append(args.positional, v)
		}
	}
	return args, s.spend(1 + len(args.positional))
}

type callNode struct {
	callee expression
	args   argumentNodes
}

func (n *callNode) eval(s *state) (any, error) { return n.with(s, "", nil) }

// with calls with one more keyword argument, unless its name is empty.
func (n *callNode) with(s *state, name string, extra any) (any, error) {
	callee, err := n.callee.eval(s)
	if err != nil {
		return nil, err
	}
	args, err := n.args.eval(s)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if args.named == nil {
			args.named = NewDict()
		}
		args.named.set(name, extra)
	}
	switch f := callee.(type) {
	case function:
		return f(s, args)
	case undefined:
		return nil, f.err()
	}
	return nil, fmt.Errorf("%s cannot be called", typeName(callee))
}

// filterNode applies a filter, or a test, to a value.
type filterNode struct {
	value expression
	what  string // for errors: "filter trim"
	apply filter
	args  argumentNodes
}

func (n *filterNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	args, err := n.args.eval(s)
	if err != nil {
		return nil, err
	}
	out, err := n.apply(s, v, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.what, err)
	}
	return out, nil
}
