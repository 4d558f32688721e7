package jinja

import (
	"fmt"
	"slices"
)

// parser builds the tree of statements and expressions from tokens.
type parser struct {
	tokens []token
	pos    int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEOF {
		p.pos++
	}
	return t
}

func (p *parser) fail(t token, format string, args ...any) error {
	return &Error{Line: t.line, Err: fmt.Errorf(format, args...)}
}

// enter bounds the nesting of the template itself.
func (p *parser) enter() (leave func(), err error) {
	if p.depth >= maxDepth {
		return nil, p.fail(p.peek(), "%w", errDepth)
	}
	p.depth++
	return func() { p.depth-- }, nil
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == tokenOp && t.text == op
}

func (p *parser) isName(names ...string) bool {
	t := p.peek()
	return t.kind == tokenName && slices.Contains(names, t.text)
}

// skipOp takes an operator if it comes next.
func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) wantOp(op string) error {
	if !p.skipOp(op) {
		return p.fail(p.peek(), "unexpected %s, want `%s`", p.peek(), op)
	}
	return nil
}

func (p *parser) wantName() (string, error) {
	t := p.take()
	if t.kind != tokenName {
		return "", p.fail(t, "unexpected %s, want a name", t)
	}
	return t.text, nil
}

func (p *parser) wantEnd(kind tokenKind, text string) error {
	if t := p.take(); t.kind != kind {
		return p.fail(t, "unexpected %s, want `%s`", t, text)
	}
	return nil
}

// parseBody reads statements up to one of the tags named, whose name it takes,
// or to the end of the template where none is.
func (p *parser) parseBody(until ...string) ([]statement, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	body := []statement{}
	for {
		t := p.take()
		switch t.kind {
		case tokenEOF:
			if len(until) > 0 {
				return nil, p.fail(t, "the template ends where `{%% %s %%}` is missing", until[len(until)-1])
			}
			return body, nil
		case tokenData:
			body = append(body, &dataNode{t.text})
		case tokenVarStart:
			e, err := p.parseTuple(true)
			if err != nil {
				return nil, err
			}
			if err := p.wantEnd(tokenVarEnd, "}}"); err != nil {
				return nil, err
			}
			body = append(body, &outputNode{t.line, e})
		case tokenTagStart:
			if p.isName(until...) {
				return body, nil
			}
			s, err := p.parseTag(t.line)
			if err != nil {
				return nil, err
			}
			body = append(body, s)
		}
	}
}

// parseBlock reads the end of the opening tag, the body, and the closing tag.
func (p *parser) parseBlock(end string) ([]statement, error) {
	if err := p.wantEnd(tokenTagEnd, "%}"); err != nil {
		return nil, err
	}
	body, err := p.parseBody(end)
	if err != nil {
		return nil, err
	}
	p.take()
	return body, p.wantEnd(tokenTagEnd, "%}")
}

func (p *parser) parseTag(line int) (statement, error) {
	t := p.take()
	if t.kind != tokenName {
		return nil, p.fail(t, "unexpected %s, want the name of a tag", t)
	}
	switch t.text {
	case "for":
		return p.parseFor(line)
	case "if":
		return p.parseIf(line)
	case "set":
		return p.parseSet(line)
	case "macro":
		return p.parseMacro(line)
	case "call":
		return p.parseCall(line)
	case "filter":
		return p.parseFilterBlock(line)
	case "with":
		return p.parseWith(line)
	case "generation":
		body, err := p.parseBlock("endgeneration")
		return &generationNode{body}, err
	case "break":
		return &jumpNode{flowBreak}, p.wantEnd(tokenTagEnd, "%}")
	case "continue":
		return &jumpNode{flowContinue}, p.wantEnd(tokenTagEnd, "%}")
	}
	return nil, p.fail(t, "unknown tag `%s`", t.text)
}

// parseTarget reads what a loop or an assignment assigns to.
func (p *parser) parseTarget() (target, error) {
	var names []target
	tuple := false
	for {
		var one target
		if p.skipOp("(") {
			inner, err := p.parseTarget()
			if err != nil {
				return target{}, err
			}
			if err := p.wantOp(")"); err != nil {
				return target{}, err
			}
			one = inner
		} else {
			name, err := p.wantName()
			if err != nil {
				return target{}, err
			}
			one.name = name
			if p.skipOp(".") {
				if one.member, err = p.wantName(); err != nil {
					return target{}, err
				}
			}
		}
		names = append(names, one)
		if !p.skipOp(",") {
			break
		}
		tuple = true
		if t := p.peek(); t.kind != tokenName && !p.isOp("(") || p.isName("in") {
			break
		}
	}
	if !tuple {
		return names[0], nil
	}
	return target{parts: names}, nil
}

func (p *parser) parseFor(line int) (statement, error) {
	n := &forNode{line: line}
	var err error
	if n.target, err = p.parseTarget(); err != nil {
		return nil, err
	}
	if !p.skipName("in") {
		return nil, p.fail(p.peek(), "unexpected %s, want `in`", p.peek())
	}
	// Without a condition, so that `if` is left for the loop's filter.
	if n.over, err = p.parseTuple(false); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if n.filter, err = p.parseExpression(true); err != nil {
			return nil, err
		}
	}
	if p.isName("recursive") {
		return nil, p.fail(p.peek(), "recursive loops are not supported")
	}
	if err := p.wantEnd(tokenTagEnd, "%}"); err != nil {
		return nil, err
	}
	if n.body, err = p.parseBody("else", "endfor"); err != nil {
		return nil, err
	}
	if p.take().text == "else" {
		n.orElse, err = p.parseBlock("endfor")
		return n, err
	}
	return n, p.wantEnd(tokenTagEnd, "%}")
}

func (p *parser) parseIf(line int) (statement, error) {
	n := &ifNode{line: line}
	for {
		test, err := p.parseTuple(false)
		if err != nil {
			return nil, err
		}
		if err := p.wantEnd(tokenTagEnd, "%}"); err != nil {
			return nil, err
		}
		body, err := p.parseBody("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.tests, n.bodies = append(n.tests, test), append(n.bodies, body)
		switch p.take().text {
		case "else":
			n.orElse, err = p.parseBlock("endif")
			return n, err
		case "endif":
			return n, p.wantEnd(tokenTagEnd, "%}")
		}
	}
}

func (p *parser) parseSet(line int) (statement, error) {
	n := &setNode{line: line}
	var err error
	if n.target, err = p.parseTarget(); err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		if n.value, err = p.parseTuple(true); err != nil {
			return nil, err
		}
		return n, p.wantEnd(tokenTagEnd, "%}")
	}
	hole := &holder{}
	if n.filters, err = p.parseFilters(hole); err != nil {
		return nil, err
	}
	n.hole = hole
	n.body, err = p.parseBlock("endset")
	return n, err
}

func (p *parser) parseMacro(line int) (statement, error) {
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	n := &macroNode{line: line, name: name}
	if n.params, err = p.parseParams(); err != nil {
		return nil, err
	}
	n.body, err = p.parseBlock("endmacro")
	return n, err
}

func (p *parser) parseParams() ([]param, error) {
	if err := p.wantOp("("); err != nil {
		return nil, err
	}
	var params []param
	for !p.skipOp(")") {
		if len(params) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.skipOp(")") {
				break
			}
		}
		name, err := p.wantName()
		if err != nil {
			return nil, err
		}
		one := param{name: name}
		if p.skipOp("=") {
			if one.fallback, err = p.parseExpression(true); err != nil {
				return nil, err
			}
		}
		params = append(params, one)
	}
	return params, nil
}

func (p *parser) parseCall(line int) (statement, error) {
	n := &callBlockNode{line: line}
	var err error
	if p.isOp("(") {
		if n.params, err = p.parseParams(); err != nil {
			return nil, err
		}
	}
	e, err := p.parseExpression(true)
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callNode)
	if !ok {
		return nil, p.fail(p.peek(), "a call block wants a call")
	}
	n.call = call
	n.body, err = p.parseBlock("endcall")
	return n, err
}

func (p *parser) parseFilterBlock(line int) (statement, error) {
	n := &filterBlockNode{line: line, hole: &holder{}}
	var err error
	if n.filters, err = p.parseFilter(n.hole); err != nil {
		return nil, err
	}
	if n.filters, err = p.parseFilters(n.filters); err != nil {
		return nil, err
	}
	n.body, err = p.parseBlock("endfilter")
	return n, err
}

func (p *parser) parseWith(line int) (statement, error) {
	n := &withNode{line: line}
	for p.peek().kind != tokenTagEnd {
		if len(n.targets) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
		}
		name, err := p.wantName()
		if err != nil {
			return nil, err
		}
		if err := p.wantOp("="); err != nil {
			return nil, err
		}
		value, err := p.parseExpression(true)
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, name), append(n.values, value)
	}
	var err error
	n.body, err = p.parseBlock("endwith")
	return n, err
}
