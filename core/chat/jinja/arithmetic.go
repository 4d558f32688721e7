package jinja

import (
	"fmt"
	"math"
	"strings"
)

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
		if okA && okB && x.Tuple == y.Tuple && x.view+y.view == "" {
			if err := s.made(16 * (len(x.Items) + len(y.Items))); err != nil {
				return nil, err
			}
			return &List{Items: append(append([]any{}, x.Items...), y.Items...), Tuple: x.Tuple}, nil
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
		if v.view != "" {
			break
		}
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
