package jinja

import (
	"slices"
	"strconv"
)

// parseTuple reads an expression, or several with commas between: a tuple.
func (p *parser) parseTuple(withIf bool) (expression, error) {
	first, err := p.parseExpression(withIf)
	if err != nil || !p.isOp(",") {
		return first, err
	}
	items := []expression{first}
	for p.skipOp(",") {
		if t := p.peek(); t.kind == tokenVarEnd || t.kind == tokenTagEnd || p.isOp(")") || p.isOp("=") {
			break
		}
		e, err := p.parseExpression(withIf)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return &listNode{items, true}, nil
}

// parseExpression reads one expression; withIf allows `a if b else c`.
func (p *parser) parseExpression(withIf bool) (expression, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	e, err := p.parseOr()
	for err == nil && withIf && p.skipName("if") {
		n := &condNode{then: e}
		if n.test, err = p.parseOr(); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			if n.orElse, err = p.parseExpression(true); err != nil {
				return nil, err
			}
		}
		e = n
	}
	return e, err
}

func (p *parser) parseOr() (expression, error) {
	left, err := p.parseAnd()
	for err == nil && p.skipName("or") {
		var right expression
		right, err = p.parseAnd()
		left = &logicNode{left, right, true}
	}
	return left, err
}

func (p *parser) parseAnd() (expression, error) {
	left, err := p.parseNot()
	for err == nil && p.skipName("and") {
		var right expression
		right, err = p.parseNot()
		left = &logicNode{left, right, false}
	}
	return left, err
}

func (p *parser) parseNot() (expression, error) {
	if !p.skipName("not") {
		return p.parseCompare()
	}
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	e, err := p.parseNot()
	return &notNode{e}, err
}

func (p *parser) parseCompare() (expression, error) {
	first, err := p.parseBinary(0)
	if err != nil {
		return nil, err
	}
	n := &compareNode{first: first}
	for {
		op := ""
		switch t := p.peek(); {
		case t.kind == tokenOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
			op = t.text
			p.take()
		case p.skipName("in"):
			op = "in"
		case p.isName("not") && p.tokens[p.pos+1].kind == tokenName && p.tokens[p.pos+1].text == "in":
			op = "not in"
			p.pos += 2
		}
		if op == "" {
			break
		}
		right, err := p.parseBinary(0)
		if err != nil {
			return nil, err
		}
		n.ops, n.rest = append(n.ops, op), append(n.rest, right)
	}
	if len(n.ops) == 0 {
		return first, nil
	}
	return n, nil
}

// levels are the binary operators from the weakest to the strongest.
var levels = [][]string{{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

func (p *parser) parseBinary(level int) (expression, error) {
	if level == len(levels) {
		return p.parseUnary(true)
	}
	left, err := p.parseBinary(level + 1)
	for err == nil {
		t := p.peek()
		if t.kind != tokenOp || !slices.Contains(levels[level], t.text) {
			break
		}
		p.take()
		var right expression
		right, err = p.parseBinary(level + 1)
		left = &binaryNode{t.text, left, right}
	}
	return left, err
}

func (p *parser) parseUnary(withFilter bool) (expression, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var e expression
	if t := p.peek(); p.skipOp("-") || p.skipOp("+") {
		inner, err := p.parseUnary(false)
		if err != nil {
			return nil, err
		}
		e = &signNode{inner, t.text == "-"}
	} else if e, err = p.parsePrimary(); err != nil {
		return nil, err
	}
	if e, err = p.parsePostfix(e); err != nil || !withFilter {
		return e, err
	}
	return p.parseFilters(e)
}

func (p *parser) parsePrimary() (expression, error) {
	t := p.take()
	switch t.kind {
	case tokenName:
		switch t.text {
		case "true", "True":
			return &constNode{true}, nil
		case "false", "False":
			return &constNode{false}, nil
		case "none", "None":
			return &constNode{nil}, nil
		}
		return &nameNode{t.text}, nil
	case tokenString:
		s := t.text
		for p.peek().kind == tokenString {
			s += p.take().text
		}
		return &constNode{s}, nil
	case tokenInt:
		i, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.fail(t, "the number %s is too large", t.text)
		}
		return &constNode{i}, nil
	case tokenFloat:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, p.fail(t, "the number %s is too large", t.text)
		}
		return &constNode{f}, nil
	case tokenOp:
		switch t.text {
		case "(":
			return p.parseParenthesis()
		case "[":
			return p.parseList()
		case "{":
			return p.parseDict()
		}
	}
	return nil, p.fail(t, "unexpected %s, want an expression", t)
}

func (p *parser) parseParenthesis() (expression, error) {
	if p.skipOp(")") {
		return &listNode{nil, true}, nil
	}
	e, err := p.parseTuple(true)
	if err != nil {
		return nil, err
	}
	return e, p.wantOp(")")
}

func (p *parser) parseList() (expression, error) {
	n := &listNode{}
	for !p.skipOp("]") {
		if len(n.items) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.skipOp("]") {
				break
			}
		}
		e, err := p.parseExpression(true)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, e)
	}
	return n, nil
}

func (p *parser) parseDict() (expression, error) {
	n := &dictNode{}
	for !p.skipOp("}") {
		if len(n.keys) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.skipOp("}") {
				break
			}
		}
		key, err := p.parseExpression(true)
		if err != nil {
			return nil, err
		}
		if err := p.wantOp(":"); err != nil {
			return nil, err
		}
		value, err := p.parseExpression(true)
		if err != nil {
			return nil, err
		}
		n.keys, n.values = append(n.keys, key), append(n.values, value)
	}
	return n, nil
}

// parsePostfix reads `.name`, `[…]` and calls.
func (p *parser) parsePostfix(e expression) (expression, error) {
	for {
		switch {
		case p.skipOp("."):
			t := p.take()
			switch t.kind {
			case tokenName:
				e = &attrNode{e, t.text}
			case tokenInt:
				i, err := strconv.ParseInt(t.text, 10, 64)
				if err != nil {
					return nil, p.fail(t, "the number %s is too large", t.text)
				}
				e = &itemNode{e, &constNode{i}}
			default:
				return nil, p.fail(t, "unexpected %s, want a name", t)
			}
		case p.skipOp("["):
			var err error
			if e, err = p.parseSubscript(e); err != nil {
				return nil, err
			}
		case p.isOp("("):
			args, err := p.parseArguments()
			if err != nil {
				return nil, err
			}
			e = &callNode{e, args}
		default:
			return e, nil
		}
	}
}

func (p *parser) parseSubscript(e expression) (expression, error) {
	var parts [3]expression
	colons := 0
	for !p.isOp("]") {
		if p.skipOp(":") {
			if colons++; colons > 2 {
				return nil, p.fail(p.peek(), "a slice has at most two `:`")
			}
			continue
		}
		if parts[colons] != nil {
			return nil, p.fail(p.peek(), "unexpected %s, want `]`", p.peek())
		}
		var err error
		if parts[colons], err = p.parseExpression(true); err != nil {
			return nil, err
		}
	}
	if err := p.wantOp("]"); err != nil {
		return nil, err
	}
	if colons > 0 {
		return &sliceNode{e, parts}, nil
	}
	if parts[0] == nil {
		return nil, p.fail(p.peek(), "a subscript is empty")
	}
	return &itemNode{e, parts[0]}, nil
}

func (p *parser) parseArguments() (argumentNodes, error) {
	var args argumentNodes
	if err := p.wantOp("("); err != nil {
		return args, err
	}
	for n := 0; !p.skipOp(")"); n++ {
		if n > 0 {
			if err := p.wantOp(","); err != nil {
				return args, err
			}
			if p.skipOp(")") {
				break
			}
		}
		star := ""
		if p.skipOp("*") {
			star = "*"
		} else if p.skipOp("**") {
			star = "**"
		}
		name := ""
		if next := p.tokens[min(p.pos+1, len(p.tokens)-1)]; star == "" && p.peek().kind == tokenName && next.kind == tokenOp && next.text == "=" {
			name = p.take().text
			p.take()
		}
		e, err := p.parseExpression(true)
		if err != nil {
			return args, err
		}
		args.items = append(args.items, argumentNode{e, name, star})
	}
	return args, nil
}

// parseFilters reads `|filter` and `is test`, as many as there are.
func (p *parser) parseFilters(e expression) (expression, error) {
	var err error
	for err == nil {
		switch {
		case p.skipOp("|"):
			e, err = p.parseFilter(e)
		case p.skipName("is"):
			e, err = p.parseTest(e)
		case p.isOp("("):
			var args argumentNodes
			args, err = p.parseArguments()
			e = &callNode{e, args}
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) parseFilter(e expression) (expression, error) {
	t := p.peek()
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	f, ok := filters[name]
	if !ok {
		return nil, p.fail(t, "unknown filter `%s`", name)
	}
	n := &filterNode{value: e, what: "filter " + name, apply: f}
	if p.isOp("(") {
		n.args, err = p.parseArguments()
	}
	return n, err
}

func (p *parser) parseTest(e expression) (expression, error) {
	negated := p.skipName("not")
	t := p.peek()
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	f, ok := tests[name]
	if !ok {
		return nil, p.fail(t, "unknown test `%s`", name)
	}
	n := &filterNode{value: e, what: "test " + name, apply: f.outcome(negated)}
	switch next := p.peek(); {
	case p.isOp("("):
		n.args, err = p.parseArguments()
	case (next.kind == tokenName && !p.isName("else", "or", "and", "if", "is", "in", "not")) ||
		next.kind == tokenString || next.kind == tokenInt || next.kind == tokenFloat || p.isOp("[") || p.isOp("{"):
		var arg expression
		if arg, err = p.parsePrimary(); err == nil {
			arg, err = p.parsePostfix(arg)
		}
		n.args.items = []argumentNode{{value: arg}}
	}
	return n, err
}
