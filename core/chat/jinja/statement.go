package jinja

import (
	"errors"
	"fmt"
)

// flow says how a body ended.
type flow int

const (
	flowNext flow = iota
	flowBreak
	flowContinue
)

type statement interface {
	exec(s *state) (flow, error)
}

// at gives an error its place, unless it has one from further inside.
func (s *state) at(line int, err error) error {
	var placed *Error
	if err == nil || errors.As(err, &placed) {
		return err
	}
	return &Error{s.template.name, line, err}
}

func (s *state) run(body []statement) (flow, error) {
	for _, st := range body {
		if err := s.spend(1); err != nil {
			return flowNext, err
		}
		if f, err := st.exec(s); err != nil || f != flowNext {
			return f, err
		}
	}
	return flowNext, nil
}

type dataNode struct{ text string }

func (n *dataNode) exec(s *state) (flow, error) { return flowNext, s.write(n.text) }

type outputNode struct {
	line  int
	value expression
}

func (n *outputNode) exec(s *state) (flow, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return flowNext, s.at(n.line, err)
	}
	text, err := s.str(v)
	if err == nil {
		err = s.write(text)
	}
	return flowNext, s.at(n.line, err)
}

type jumpNode struct{ to flow }

func (n *jumpNode) exec(*state) (flow, error) { return n.to, nil }

// generationNode marks what the assistant writes.
type generationNode struct{ body []statement }

func (n *generationNode) exec(s *state) (flow, error) {
	start := s.out.text.Len()
	var f flow
	err := s.within(s.scope, func() (err error) {
		f, err = s.run(n.body)
		return err
	})
	// Within a macro or a captured block nothing is known yet of the place
	// in the rendering.
	if err == nil && !s.out.nested {
		s.spans = append(s.spans, Span{start, s.out.text.Len()})
	}
	return f, err
}

type ifNode struct {
	line   int
	tests  []expression
	bodies [][]statement
	orElse []statement
}

func (n *ifNode) exec(s *state) (flow, error) {
	for i, test := range n.tests {
		v, err := test.eval(s)
		if err != nil {
			return flowNext, s.at(n.line, err)
		}
		if truth(v) {
			return s.run(n.bodies[i])
		}
	}
	return s.run(n.orElse)
}

// target is what is assigned to: a name, a member of a namespace, or several.
type target struct {
	name, member string
	parts        []target
}

func (t target) assign(s *state, v any) error {
	if t.parts != nil {
		items, err := s.iterate(v)
		if err != nil {
			return err
		}
		if len(items) != len(t.parts) {
			return fmt.Errorf("%d values are assigned to %d names", len(items), len(t.parts))
		}
		for i, part := range t.parts {
			if err := part.assign(s, items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if t.member == "" {
		s.scope.vars[t.name] = v
		return nil
	}
	held, _ := s.scope.find(t.name)
	ns, ok := held.(*namespace)
	if !ok {
		return fmt.Errorf("cannot set %s.%s: %s is not a namespace", t.name, t.member, t.name)
	}
	ns.vars.set(t.member, v)
	return nil
}

type setNode struct {
	line    int
	target  target
	value   expression // nil: the body's text
	body    []statement
	filters expression // applied to the text, which is in hole
	hole    *holder
}

func (n *setNode) exec(s *state) (flow, error) {
	if n.value != nil {
		v, err := n.value.eval(s)
		if err == nil {
			err = n.target.assign(s, v)
		}
		return flowNext, s.at(n.line, err)
	}
	v, err := s.filtered(n.body, n.filters)
	if err == nil {
		err = n.target.assign(s, v)
	}
	return flowNext, s.at(n.line, err)
}

// holder is the place in a chain of filters where a block's text goes.
type holder struct{}

func (*holder) eval(s *state) (any, error) {
	v, _ := s.scope.find(holderName)
	return v, nil
}

// holderName is no name that a template can write.
const holderName = "{block}"

// filtered returns what body writes, put through filters.
func (s *state) filtered(body []statement, filters expression) (v any, err error) {
	text, err := s.capture(func() error {
		return s.within(s.scope, func() error {
			_, err := s.run(body)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	err = s.within(s.scope, func() error {
		s.scope.vars[holderName] = text
		v, err = filters.eval(s)
		return err
	})
	return v, err
}

type filterBlockNode struct {
	line    int
	filters expression
	hole    *holder
	body    []statement
}

func (n *filterBlockNode) exec(s *state) (flow, error) {
	v, err := s.filtered(n.body, n.filters)
	if err != nil {
		return flowNext, s.at(n.line, err)
	}
	text, err := s.str(v)
	if err == nil {
		err = s.write(text)
	}
	return flowNext, s.at(n.line, err)
}

type withNode struct {
	line    int
	targets []string
	values  []expression
	body    []statement
}

func (n *withNode) exec(s *state) (f flow, err error) {
	values := make([]any, len(n.values))
	for i, e := range n.values {
		if values[i], err = e.eval(s); err != nil {
			return flowNext, s.at(n.line, err)
		}
	}
	err = s.within(s.scope, func() error {
		for i, name := range n.targets {
			s.scope.vars[name] = values[i]
		}
		f, err = s.run(n.body)
		return err
	})
	return f, err
}

type forNode struct {
	line   int
	target target
	over   expression
	filter expression // nil: none
	body   []statement
	orElse []statement
}

// loop is the variable of that name.
type loop struct {
	items   []any
	index   int // from 0
	changed any // what `changed` was last asked about
}

func (n *forNode) exec(s *state) (flow, error) {
	v, err := n.over.eval(s)
	if err != nil {
		return flowNext, s.at(n.line, err)
	}
	items, err := s.iterate(v)
	if err != nil {
		return flowNext, s.at(n.line, err)
	}
	if n.filter != nil {
		if items, err = n.keep(s, items); err != nil {
			return flowNext, s.at(n.line, err)
		}
	}
	l := &loop{items: items, changed: undefined{}}
	for i, item := range items {
		l.index = i
		var f flow
		err := s.within(s.scope, func() error {
			s.scope.vars["loop"] = l
			if err := s.spend(1); err != nil {
				return s.at(n.line, err)
			}
			if err := n.target.assign(s, item); err != nil {
				return s.at(n.line, err)
			}
			var err error
			f, err = s.run(n.body)
			return err
		})
		if err != nil {
			return flowNext, err
		}
		if f == flowBreak {
			break
		}
	}
	if len(items) == 0 {
		return s.run(n.orElse)
	}
	return flowNext, nil
}

func (n *forNode) keep(s *state, items []any) ([]any, error) {
	var kept []any
	for _, item := range items {
		err := s.within(s.scope, func() error {
			if err := n.target.assign(s, item); err != nil {
				return err
			}
			v, err := n.filter.eval(s)
			if truth(v) {
				kept = append(kept, item)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return kept, nil
}

type param struct {
	name     string
	fallback expression // nil: none
}

type macroNode struct {
	line   int
	name   string
	params []param
	body   []statement
}

func (n *macroNode) exec(s *state) (flow, error) {
	s.scope.vars[n.name] = s.closure(n.name, n.params, n.body)
	return flowNext, nil
}

// closure makes a function of a macro's body.
func (s *state) closure(name string, params []param, body []statement) function {
	home := s.scope
	return func(s *state, args arguments) (any, error) {
		leave, err := s.enter()
		if err != nil {
			return nil, err
		}
		defer leave()
		if len(args.positional) > len(params) {
			return nil, fmt.Errorf("%s takes %d arguments, not %d", name, len(params), len(args.positional))
		}
		return s.capture(func() error {
			return s.within(home, func() error {
				if err := bind(s, params, args); err != nil {
					return err
				}
				_, err := s.run(body)
				return err
			})
		})
	}
}

// bind gives parameters their values in the current scope.
func bind(s *state, params []param, args arguments) error {
	for i, p := range params {
		missing := undefined{p.name}
		v := args.take(i, p.name, missing)
		if v == any(missing) && p.fallback != nil {
			var err error
			if v, err = p.fallback.eval(s); err != nil {
				return err
			}
		}
		s.scope.vars[p.name] = v
	}
	if args.named != nil {
		if caller, ok := args.named.get("caller"); ok {
			s.scope.vars["caller"] = caller
		}
	}
	return nil
}

type callBlockNode struct {
	line   int
	params []param
	call   *callNode
	body   []statement
}

func (n *callBlockNode) exec(s *state) (flow, error) {
	v, err := n.call.with(s, "caller", s.closure("caller", n.params, n.body))
	if err != nil {
		return flowNext, s.at(n.line, err)
	}
	text, err := s.str(v)
	if err == nil {
		err = s.write(text)
	}
	return flowNext, s.at(n.line, err)
}
