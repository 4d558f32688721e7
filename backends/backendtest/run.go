package backendtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Open makes the backend under test; what it needs to clean up it gives t.
type Open func(t *testing.T) backends.Backend

// Options say what a backend promises.
type Options struct {
	// Same are other ways to open the backend (numbers of threads), by name,
	// that must give the same bytes.
	Same map[string]Open
	// Input is the relative rounding of inputs (0 where products take them as
	// they are), Accumulator that of sums; 0 is float32.
	Input, Accumulator float64
	// NarrowStep runs every so-many-th case of activations in 16 bits, where kernels take long to compile; 0 is all.
	NarrowStep int
	// Lacks are instructions that Compile must refuse by name.
	Lacks []program.Op
}

// float32Unit is the largest relative error of rounding to float32.
const float32Unit = 1.0 / (1 << 24)

// slack is how far beyond the expected error of a sum a result may be.
const slack = 8

// precision turns a sum's length into its relative error.
type precision struct{ input, accumulator float64 }

// unit is the relative error of a sum of k products.
func (p precision) unit(k int) float64 {
	return p.input + math.Sqrt(float64(k))*p.accumulator + float32Unit
}

// Run runs the whole suite.
func Run(t *testing.T, open Open, o Options) {
	p := precision{o.Input, o.Accumulator}
	if p.accumulator == 0 {
		p.accumulator = float32Unit
	}
	backend := open(t)
	same := map[string]backends.Backend{}
	for name, open := range o.Same {
		same[name] = open(t)
	}
	t.Run("instructions", func(t *testing.T) {
		for _, op := range program.Ops() {
			if slices.Contains(o.Lacks, op) {
				t.Run(op.String(), func(t *testing.T) { refuses(t, backend, &Cases(op)[0]) })
				continue
			}
			t.Run(op.String(), func(t *testing.T) { runCases(t, op, backend, same, p) })
			t.Run(op.String()+"/narrow", func(t *testing.T) { RunNarrow(t, op, backend, same, o.NarrowStep) })
		}
	})
	if len(o.Lacks) == 0 {
		t.Run("steps", func(t *testing.T) { steps(t, backend, same, max(p.input, p.accumulator)) })
	}
	t.Run("memory", func(t *testing.T) { memory(t, backend) })
}

func runCases(t *testing.T, op program.Op, backend backends.Backend, same map[string]backends.Backend, p precision) {
	cases := Cases(op)
	if len(cases) == 0 {
		t.Fatal("no case")
	}
	for i := range cases {
		c := &cases[i]
		t.Run(c.Name, func(t *testing.T) {
			if backend.Describe().CheckTypes(c.program()) != nil {
				refuses(t, backend, c)
				return
			}
			got := c.Execute(t, backend)
			c.compare(t, got, p)
			for name, other := range same {
				for i, x := range c.Execute(t, other) {
					if n := firstDifference(got[i], x); n >= 0 {
						t.Errorf("output %d, element %d: %v, and %v with %s", i, n, got[i][n], x[n], name)
					}
				}
			}
		})
	}
}

// compare holds every element against the reference and its bound. A backend
// may leave out the rounding of Attr.Compute, then of all factors.
func (c *Case) compare(t *testing.T, got [][]float32, p precision) {
	t.Helper()
	wrong := c.wrong(t, got, p)
	if wrong != "" && c.Attr.Compute != dtype.Invalid {
		exact := *c
		exact.Attr.Compute = dtype.Invalid
		if exact.wrong(t, got, p) == "" {
			return
		}
	}
	if wrong != "" {
		t.Error(wrong)
	}
}

// wrong says how the outputs differ from the reference's beyond their bound.
func (c *Case) wrong(t *testing.T, got [][]float32, p precision) string {
	t.Helper()
	want := c.want(t)
	bound := c.bound(t, want, p)
	var all []string
	for i := range want {
		if wrong := difference(got[i], want[i], bound[i], c.Out[i].Cols); wrong != "" {
			all = append(all, fmt.Sprintf("output %d: %s", i, wrong))
		}
	}
	return strings.Join(all, "; ")
}

// difference says how many elements of a matrix are beyond slack times their
// bound, and which is the worst; it is empty where none is.
func difference(got []float32, want, bound []float64, cols int) string {
	worst, ratio, failed := 0, 0.0, 0
	for n, w := range want {
		diff, limit := math.Abs(float64(got[n])-w), 0.0
		if bound[n] != 0 {
			limit = slack*bound[n] + math.SmallestNonzeroFloat32
		}
		if sameSpecial(float64(got[n]), w) || diff <= limit {
			continue
		}
		failed++
		if r := diff / limit; failed == 1 || r > ratio || r != r {
			worst, ratio = n, r
		}
	}
	if failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d elements are wrong, the worst at [%d, %d]: got %v, want %v (%.3g times the bound)",
		failed, len(want), worst/cols, worst%cols, got[worst], want[worst], ratio)
}

// sameSpecial says that both are NaN, or the same infinity.
func sameSpecial(got, want float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || math.IsInf(want, 0) && got == want
}

// refuses checks that an instruction or type that is lacking is an error which
// names it.
func refuses(t *testing.T, backend backends.Backend, c *Case) {
	t.Helper()
	e, err := backend.Compile(c.program())
	if err == nil {
		e.Close()
		t.Fatal("compiled what the backend lacks")
	}
	missing := []string{c.Op.String(), c.Attr.Compute.String()}
	for _, o := range c.In {
		missing = append(missing, o.DType.String())
	}
	if !slices.ContainsFunc(missing, func(name string) bool { return strings.Contains(err.Error(), name) }) {
		t.Errorf("the error does not say what is lacking: %v", err)
	}
}
