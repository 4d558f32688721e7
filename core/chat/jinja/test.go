package jinja

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

// test is what stands after `is`.
type test func(s *state, v any, args arguments) (bool, error)

// outcome is the test as a filter that says whether it holds, or with
// negated, that it does not.
func (t test) outcome(negated bool) filter {
	return func(s *state, v any, args arguments) (any, error) {
		ok, err := t(s, v, args)
		return ok != negated, err
	}
}

func is[T any](_ *state, v any, _ arguments) (bool, error) {
	_, ok := v.(T)
	return ok, nil
}

func comparison(op string) test {
	return func(s *state, v any, args arguments) (bool, error) {
		return s.compare(op, v, args.take(0, "", undefined{"the other value"}))
	}
}

func divides(remainder func(n int64, args arguments) (bool, error)) test {
	return func(_ *state, v any, args arguments) (bool, error) {
		n, ok := integer(v)
		if f, isFloat := v.(float64); isFloat {
			if f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
				return false, nil
			}
			n, ok = int64(f), true
		}
		if !ok {
			return false, fmt.Errorf("%s is not a number", typeName(v))
		}
		return remainder(n, args)
	}
}

var tests map[string]test

func init() {
	tests = map[string]test{
		"defined":   func(_ *state, v any, _ arguments) (bool, error) { _, u := v.(undefined); return !u, nil },
		"undefined": is[undefined],
		"none":      func(_ *state, v any, _ arguments) (bool, error) { return v == nil, nil },
		"boolean":   is[bool],
		"true":      func(_ *state, v any, _ arguments) (bool, error) { return v == any(true), nil },
		"false":     func(_ *state, v any, _ arguments) (bool, error) { return v == any(false), nil },
		"integer":   is[int64],
		"float":     is[float64],
		"number":    func(_ *state, v any, _ arguments) (bool, error) { _, ok := number(v); return ok, nil },
		"string":    is[string],
		"mapping":   is[*Dict],
		"callable":  callable,
		"sequence":  sized,
		"iterable":  iterable,
		"eq":        comparison("=="), "equalto": comparison("=="),
		"ne": comparison("!="),
		"lt": comparison("<"), "lessthan": comparison("<"),
		"le": comparison("<="),
		"gt": comparison(">"), "greaterthan": comparison(">"),
		"ge":   comparison(">="),
		"in":   comparison("in"),
		"even": divides(func(n int64, _ arguments) (bool, error) { return n%2 == 0, nil }),
		"odd":  divides(func(n int64, _ arguments) (bool, error) { return n%2 != 0, nil }),
		"divisibleby": divides(func(n int64, args arguments) (bool, error) {
			by, err := intArg(args, 0, "num", 0)
			if err == nil && by == 0 {
				err = errZero
			}
			return err == nil && n%by == 0, err
		}),
		"lower":   textTest(unicode.IsUpper),
		"upper":   textTest(unicode.IsLower),
		"sameas":  sameAs,
		"escaped": func(*state, any, arguments) (bool, error) { return false, nil },
		"filter": func(_ *state, v any, _ arguments) (bool, error) {
			name, _ := v.(string)
			_, ok := filters[name]
			return ok, nil
		},
		"test": func(_ *state, v any, _ arguments) (bool, error) {
			name, _ := v.(string)
			_, ok := tests[name]
			return ok, nil
		},
	}
}

// sized says whether a value has elements. As in Jinja, a string and an
// undefined value have.
func sized(_ *state, v any, _ arguments) (bool, error) {
	switch v := v.(type) {
	case *List:
		return v.view == "", nil
	case string, *Dict, undefined:
		return true, nil
	}
	return false, nil
}

func iterable(s *state, v any, args arguments) (bool, error) {
	switch v.(type) {
	case *generator, *List:
		return true, nil
	}
	return sized(s, v, args)
}

// callable holds for an undefined value, too: Jinja's has the method, which fails.
func callable(_ *state, v any, _ arguments) (bool, error) {
	switch v.(type) {
	case function, undefined:
		return true, nil
	}
	return false, nil
}

func textTest(other func(rune) bool) test {
	return func(s *state, v any, _ arguments) (bool, error) {
		text, err := s.str(v)
		hasCase := strings.IndexFunc(text, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) }) >= 0
		return hasCase && strings.IndexFunc(text, other) < 0, err
	}
}

// sameAs is Python's `is`, for the values where that means something.
func sameAs(_ *state, v any, args arguments) (bool, error) {
	other := args.take(0, "other", undefined{})
	switch v.(type) {
	case nil, bool, int64, float64, string, *List, *Dict, *namespace:
		return v == other, nil
	}
	return false, nil
}
