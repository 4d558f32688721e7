package jinja

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
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
	if okA && okB && x.Tuple == y.Tuple {
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

type binaryNode struct {
	op          string
	left, right expression
}

func (n *binaryNode) eval(s *state) (any, error) {
	a, err := n.left.eval(s)
	if err != nil {
		return nil, err
	}
	b, err := n.right.eval(s)
	if err != nil {
		return nil, err
	}
	if n.op == "~" {
		return s.concat(a, b)
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, u.err()
		}
	}
	x, okA := integer(a)
	y, okB := integer(b)
	if okA && okB {
		return integerOp(n.op, x, y)
	}
	f, okA := number(a)
	g, okB := number(b)
	if okA && okB {
		return floatOp(n.op, f, g)
	}
	return s.sequenceOp(n.op, a, b)
}

func (s *state) concat(a, b any) (any, error) {
	x, err := s.str(a)
	if err != nil {
		return nil, err
	}
	y, err := s.str(b)
	if err != nil {
		return nil, err
	}
	if err := s.made(len(x) + len(y)); err != nil {
		return nil, err
	}
	return x + y, nil
}

var (
	errZero  = fmt.Errorf("division by zero")
	errRange = fmt.Errorf("the number is too large")
)

func integerOp(op string, x, y int64) (any, error) {
	switch op {
	case "+":
		if z := x + y; (z > x) == (y > 0) {
			return z, nil
		}
		return nil, errRange
	case "-":
		if z := x - y; (z < x) == (y > 0) {
			return z, nil
		}
		return nil, errRange
	case "*":
		if x == 0 || y == 0 {
			return int64(0), nil
		}
		if z := x * y; z/y == x && !(x == -1 && y == math.MinInt64) && !(y == -1 && x == math.MinInt64) {
			return z, nil
		}
		return nil, errRange
	case "/":
		if y == 0 {
			return nil, errZero
		}
		return float64(x) / float64(y), nil
	case "//", "%":
		if y == 0 {
			return nil, errZero
		}
		if y == -1 { // the one quotient that may not fit
			return integerOp("*", map[string]int64{"//": -1, "%": 0}[op], x)
		}
		q, r := x/y, x%y
		if r != 0 && (r < 0) != (y < 0) {
			q, r = q-1, r+y
		}
		if op == "%" {
			return r, nil
		}
		return q, nil
	}
	return power(x, y)
}

func power(x, y int64) (any, error) {
	if y < 0 {
		return floatOp("**", float64(x), float64(y))
	}
	z := int64(1)
	for ; y > 0; y-- {
		if x == 0 || x == 1 {
			return x, nil
		}
		if x == -1 {
			return 1 - 2*(y%2), nil
		}
		next, err := integerOp("*", z, x)
		if err != nil {
			return nil, err
		}
		z = next.(int64)
	}
	return z, nil
}

func floatOp(op string, x, y float64) (any, error) {
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "**":
		if x == 0 && y < 0 {
			return nil, errZero
		}
		return math.Pow(x, y), nil
	}
	if y == 0 {
		return nil, errZero
	}
	switch op {
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	}
	r := math.Mod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r, nil
}

// sequenceOp joins and repeats strings and lists, and formats with %.
func (s *state) sequenceOp(op string, a, b any) (any, error) {
	switch op {
	case "+":
		if x, ok := a.(string); ok {
			if y, ok := b.(string); ok {
				return x + y, s.made(len(x) + len(y))
			}
		}
		x, okA := a.(*List)
		y, okB := b.(*List)
		if okA && okB && x.Tuple == y.Tuple {
			if err := s.made(16 * (len(x.Items) + len(y.Items))); err != nil {
				return nil, err
			}
			return &List{append(append([]any{}, x.Items...), y.Items...), x.Tuple}, nil
		}
	case "*":
		if n, ok := integer(a); ok {
			return s.repeat(b, n)
		}
		if n, ok := integer(b); ok {
			return s.repeat(a, n)
		}
	case "%":
		if format, ok := a.(string); ok {
			return s.format(format, b)
		}
	}
	return nil, fmt.Errorf("`%s` does not work on %s and %s", op, typeName(a), typeName(b))
}

func (s *state) repeat(v any, n int64) (any, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case string:
		if len(v) > 0 && n > int64(maxOutput/len(v)) {
			return nil, errSize
		}
		return strings.Repeat(v, int(n)), s.made(len(v) * int(n))
	case *List:
		if len(v.Items) > 0 && n > int64(maxOutput/16/len(v.Items)) {
			return nil, errSize
		}
		l := &List{Tuple: v.Tuple}
		if len(v.Items) > 0 {
			for range n {
				l.Items = append(l.Items, v.Items...)
			}
		}
		return l, s.made(16 * len(l.Items))
	}
	return nil, fmt.Errorf("%s cannot be repeated", typeName(v))
}

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
			if i = wrap(i, len(v.Items)); i >= 0 && i < int64(len(v.Items)) {
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
		items, err := cutSlice(v.Items, bounds)
		if err != nil {
			return nil, err
		}
		return &List{items, v.Tuple}, s.made(16 * len(items))
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

type filterNode struct {
	value expression
	name  string
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
		return nil, fmt.Errorf("filter %s: %w", n.name, err)
	}
	return out, nil
}

type testNode struct {
	value   expression
	apply   test
	args    argumentNodes
	negated bool
}

func (n *testNode) eval(s *state) (any, error) {
	v, err := n.value.eval(s)
	if err != nil {
		return nil, err
	}
	args, err := n.args.eval(s)
	if err != nil {
		return nil, err
	}
	ok, err := n.apply(s, v, args)
	return ok != n.negated, err
}
