package jinja

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Span is a range of bytes of the rendered text.
type Span struct{ Start, End int }

// Error is a failure at a place in a template.
type Error struct {
	Name string // of the template
	Line int    // from 1
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Raised is what a template says itself, with raise_exception.
type Raised string

func (r Raised) Error() string { return string(r) }

// Bounds of one rendering. Templates in use need a thousandth of them.
const (
	maxSteps  = 10_000_000
	maxOutput = 64 << 20 // bytes, also of every single string
	maxSource = 1 << 20  // bytes of a template
	maxDepth  = 200      // of calls, blocks, expressions and values
)

var (
	errSteps = errors.New("the template does not come to an end (too many steps)")
	errSize  = fmt.Errorf("the template makes more than %d MiB of text", maxOutput>>20)
	errDepth = errors.New("nested too deeply")
)

// Template is a parsed template. It is safe for concurrent use.
type Template struct {
	name string
	body []statement
	// Now is the clock of strftime_now.
	Now func() time.Time
}

// Parse reads a template; name is for error messages.
func Parse(name, src string) (*Template, error) {
	if len(src) > maxSource {
		return nil, fmt.Errorf("%s: a template of %d bytes, want at most %d", name, len(src), maxSource)
	}
	tokens, err := lex(src)
	if err == nil {
		p := &parser{tokens: tokens}
		var body []statement
		if body, err = p.parseBody(); err == nil {
			return &Template{name: name, body: body, Now: time.Now}, nil
		}
	}
	var placed *Error
	if errors.As(err, &placed) {
		placed.Name = name
	}
	return nil, err
}

// Execute renders the template. Values may be nil, bool, int, int64, float64,
// string, *List, *Dict, []any and []string. The spans are what the
// `{% generation %}` blocks wrote, in order.
func (t *Template) Execute(vars map[string]any) (string, []Span, error) {
	s := &state{template: t, out: &output{}}
	globals := newScope(nil)
	maps.Copy(globals.vars, s.globals())
	top := newScope(globals)
	for name, v := range vars {
		value, err := convert(v)
		if err != nil {
			return "", nil, fmt.Errorf("variable %s: %w", name, err)
		}
		top.vars[name] = value
	}
	s.scope = top
	if _, err := s.run(t.body); err != nil {
		var placed *Error
		if !errors.As(err, &placed) {
			err = fmt.Errorf("%s: %w", t.name, err)
		}
		return "", nil, err
	}
	return s.out.text.String(), s.spans, nil
}

// output collects text; only the outermost becomes the rendering.
type output struct {
	text   strings.Builder
	nested bool
}

// state is one rendering under way.
type state struct {
	template *Template
	scope    *scope
	out      *output
	spans    []Span
	steps    int
	depth    int
}

// spend counts n steps of work.
func (s *state) spend(n int) error {
	s.steps += n
	if s.steps > maxSteps {
		return errSteps
	}
	return nil
}

// made counts the making of n bytes, or of n elements of a list.
func (s *state) made(n int) error {
	if n > maxOutput {
		return errSize
	}
	return s.spend(1 + n/16)
}

func (s *state) write(text string) error {
	if s.out.text.Len()+len(text) > maxOutput {
		return errSize
	}
	s.out.text.WriteString(text)
	return s.made(len(text))
}

// enter counts a level of nesting; the returned function leaves it.
func (s *state) enter() (leave func(), err error) {
	if s.depth >= maxDepth {
		return nil, errDepth
	}
	s.depth++
	return func() { s.depth-- }, nil
}

// capture returns what body writes.
func (s *state) capture(body func() error) (string, error) {
	outer := s.out
	s.out = &output{nested: true}
	defer func() { s.out = outer }()
	if err := body(); err != nil {
		return "", err
	}
	return s.out.text.String(), nil
}

// scope holds the variables of a block.
type scope struct {
	vars   map[string]any
	parent *scope
}

func newScope(parent *scope) *scope { return &scope{map[string]any{}, parent} }

func (sc *scope) find(name string) (any, bool) {
	for ; sc != nil; sc = sc.parent {
		if v, ok := sc.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// within runs body in a scope of its own below parent.
func (s *state) within(parent *scope, body func() error) error {
	outer := s.scope
	s.scope = newScope(parent)
	defer func() { s.scope = outer }()
	return body()
}
