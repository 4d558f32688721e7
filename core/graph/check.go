package graph

import (
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a graph may ask for, well above every published model. They
// keep products of sizes inside 64 bits and a lying plugin from asking for
// the whole machine.
const (
	maxSize     = 1 << 24 // rows, columns, heads, positions of a tensor
	maxElements = 1 << 36 // of one parameter
	maxBlocks   = 1 << 12
	maxOps      = 1 << 10 // of one segment
	maxParams   = 1 << 18
	maxName     = 256 // bytes
	maxContext  = 1 << 28
)

// Check says whether g is a graph that can be lowered: every operation known,
// every value defined before it is used and used at all, columns agreeing,
// parameters present with the right shapes, no field set that its operation
// would ignore, and every size positive and bounded. The error names segment,
// operation, module, what was found and what was wanted.
//
// A graph of any origin can be checked; nothing in it makes Check panic.
func (g *Graph) Check() error {
	if g == nil {
		return fmt.Errorf("graph: there is none")
	}
	c := &checker{graph: g, params: map[string]Param{}, modules: map[string]string{}, read: map[string]bool{}}
	for _, step := range []func() error{c.sizes, c.parameters, c.segments, c.allRead} {
		if err := step(); err != nil {
			return fmt.Errorf("graph %s: %w", shown(g.Architecture), err)
		}
	}
	return nil
}

type checker struct {
	graph   *Graph
	params  map[string]Param
	modules map[string]string // module → where it was first seen
	read    map[string]bool   // parameters that an operation names
}

func (c *checker) sizes() error {
	g := c.graph
	if err := checkName("architecture name", g.Architecture); err != nil {
		return err
	}
	for _, s := range []struct {
		name       string
		value, max int
	}{
		{"vocabulary", g.Vocab, maxSize},
		{"width", g.Width, maxSize},
		{"max positions", g.MaxPositions, maxContext},
	} {
		if s.value < 1 || s.value > s.max {
			return fmt.Errorf("%s is %d, want 1 to %d", s.name, s.value, s.max)
		}
	}
	if n := len(g.Blocks); n < 1 || n > maxBlocks {
		return fmt.Errorf("%d blocks, want 1 to %d", n, maxBlocks)
	}
	if n := len(g.Params); n < 1 || n > maxParams {
		return fmt.Errorf("%d parameters, want 1 to %d", n, maxParams)
	}
	return nil
}

func (c *checker) parameters() error {
	for i, p := range c.graph.Params {
		if err := checkName(fmt.Sprintf("parameter %d: name", i), p.Name); err != nil {
			return err
		}
		if _, twice := c.params[p.Name]; twice {
			return fmt.Errorf("parameter %s is listed twice", p.Name)
		}
		if err := checkParam(p); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		c.params[p.Name] = p
	}
	return nil
}

func checkParam(p Param) error {
	if err := checkName("tensor name", p.Tensor); err != nil {
		return err
	}
	if n := len(p.Shape); n != 1 && n != 2 {
		return fmt.Errorf("shape has %d dimensions, want [columns] or [rows, columns]", n)
	}
	elements := int64(1)
	for _, d := range p.Shape {
		if d < 1 || d > maxSize {
			return fmt.Errorf("shape %v, want sizes of 1 to %d", p.Shape, maxSize)
		}
		elements *= int64(d)
	}
	if elements > maxElements {
		return fmt.Errorf("shape %v has %d elements, want at most %d", p.Shape, elements, int64(maxElements))
	}
	if p.FirstRow < 0 || p.FirstRow > maxSize {
		return fmt.Errorf("first row is %d, want 0 to %d", p.FirstRow, maxSize)
	}
	if p.Transpose && len(p.Shape) == 1 {
		return fmt.Errorf("shape %v is a vector and cannot be transposed", p.Shape)
	}
	return nil
}

func (c *checker) segments() error {
	g := c.graph
	if err := c.segment(segmentCheck{Segment: g.Embed, place: "embed", last: g.Width, embed: true}); err != nil {
		return err
	}
	for i, s := range g.Blocks {
		place := fmt.Sprintf("block %d", i)
		if err := c.segment(segmentCheck{Segment: s, place: place, first: g.Width, last: g.Width}); err != nil {
			return err
		}
	}
	return c.segment(segmentCheck{Segment: g.Head, place: "head", first: g.Width, last: g.Vocab, head: true})
}

// segmentCheck is a segment with what is wanted of it.
type segmentCheck struct {
	Segment
	place       string
	first, last int // columns of the input (0: token ids) and of the output
	embed, head bool
	columns     []int // of each value so far
}

func (c *checker) segment(s segmentCheck) error {
	if n := len(s.Ops); n < 1 || n > maxOps {
		return fmt.Errorf("%s has %d operations, want 1 to %d", s.place, n, maxOps)
	}
	if s.Name != "" {
		if err := checkName("segment name", s.Name); err != nil {
			return fmt.Errorf("%s: %w", s.place, err)
		}
	}
	s.columns = []int{s.first}
	uses := make([]int, len(s.Ops)+1)
	for i, op := range s.Ops {
		if err := c.op(&s, i, op, uses); err != nil {
			return fmt.Errorf("%s: %w", s.opPlace(i), err)
		}
		s.columns = append(s.columns, op.Columns)
	}
	end := len(s.Ops) - 1
	for v, n := range uses[:len(s.Ops)] {
		if n == 0 {
			return fmt.Errorf("%s: no operation reads its result (value %d)", s.opPlace(v-1), v)
		}
	}
	if last := s.Ops[end]; s.head && last.Kind != Linear {
		return fmt.Errorf("%s: the head ends in %s, want %s", s.opPlace(end), last.Kind, Linear)
	}
	if got := s.columns[end+1]; got != s.last {
		return fmt.Errorf("%s: the segment's result has %d columns, want %d", s.opPlace(end), got, s.last)
	}
	return nil
}

func (s *segmentCheck) opPlace(i int) string {
	op := s.Ops[i]
	place := fmt.Sprintf("%s, operation %d (%s", s.place, i, shown(string(op.Kind)))
	if op.Module != "" {
		place += " " + shown(op.Module)
	}
	return place + ")"
}

// op checks one operation; the columns of its inputs are known.
func (c *checker) op(s *segmentCheck, i int, op Op, uses []int) error {
	k, known := kinds[op.Kind]
	if !known {
		return fmt.Errorf("this operation is unknown here; known are %s", knownKinds())
	}
	if (op.Kind == Embedding) != (s.embed && i == 0) {
		return fmt.Errorf("want %s as the first operation of embed, and nowhere else", Embedding)
	}
	if len(op.In) != k.inputs {
		return fmt.Errorf("%d inputs, want %d", len(op.In), k.inputs)
	}
	in := make([]int, len(op.In))
	for j, v := range op.In {
		if v < 0 || int(v) > i {
			return fmt.Errorf("input %d is value %d, want one that is defined before: 0 to %d", j, v, i)
		}
		uses[v]++
		in[j] = s.columns[v]
		if in[j] == 0 && op.Kind != Embedding {
			return fmt.Errorf("input %d is the token ids (value 0), which only %s reads", j, Embedding)
		}
	}
	if op.Columns < 1 || op.Columns > maxSize {
		return fmt.Errorf("%d columns, want 1 to %d", op.Columns, maxSize)
	}
	if field := ignoredField(op, k.fields); field != "" {
		return fmt.Errorf("%s is set, which %s does not have", field, op.Kind)
	}
	if err := c.module(s, i, op); err != nil {
		return err
	}
	return k.check(c, op, in)
}

// module checks that a module with parameters has a name of its own, because
// adapters are attached and saved by it.
func (c *checker) module(s *segmentCheck, i int, op Op) error {
	if op.Weight == "" {
		if op.Module == "" {
			return nil
		}
		return checkName("module", op.Module)
	}
	if err := checkName("module", op.Module); err != nil {
		return err
	}
	if first, twice := c.modules[op.Module]; twice {
		return fmt.Errorf("module %s is already the name of %s", op.Module, first)
	}
	c.modules[op.Module] = s.opPlace(i)
	return nil
}

func (c *checker) allRead() error {
	for _, p := range c.graph.Params {
		if !c.read[p.Name] {
			return fmt.Errorf("parameter %s is listed, but no operation names it", p.Name)
		}
	}
	return nil
}

// param looks a parameter up and counts it as read.
func (c *checker) param(role, name string) (Param, error) {
	if name == "" {
		return Param{}, fmt.Errorf("names no %s", role)
	}
	p, ok := c.params[name]
	if !ok {
		return Param{}, fmt.Errorf("%s %s is not among the graph's parameters", role, shown(name))
	}
	c.read[name] = true
	return p, nil
}

// vector is a parameter of shape [columns].
func (c *checker) vector(role, name string) (columns int, err error) {
	p, err := c.param(role, name)
	if err == nil && len(p.Shape) != 1 {
		err = fmt.Errorf("%s %s has shape %v, want [columns]", role, name, p.Shape)
	}
	if err != nil {
		return 0, err
	}
	return p.Shape[0], nil
}

// matrix checks a parameter of shape [rows, columns].
func (c *checker) matrix(role, name string, rows, columns int) error {
	p, err := c.param(role, name)
	if err != nil {
		return err
	}
	if len(p.Shape) != 2 || p.Shape[0] != rows || p.Shape[1] != columns {
		return fmt.Errorf("%s %s has shape %v, want [%d %d]", role, name, p.Shape, rows, columns)
	}
	return nil
}

func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is missing", what)
	case len(name) > maxName:
		return fmt.Errorf("%s has %d bytes, want at most %d", what, len(name), maxName)
	case !printable(name):
		return fmt.Errorf("%s %s has characters that cannot be printed", what, shown(name))
	}
	return nil
}

func printable(name string) bool {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(name)
}

// shown is a foreign name as an error can show it: whole and plain where it is
// harmless, else cut and quoted.
func shown(name string) string {
	if len(name) > maxName {
		name = name[:maxName] + "…"
	}
	if name == "" || !printable(name) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

func finite(x float32) bool {
	return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0)
}
