package backendtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// NarrowCases are the cases of an instruction with activations in 16 bits: all inputs with
// the outputs that are no linear's, all that may be and, of views, every operand alone.
func NarrowCases(op program.Op) []Case {
	var all []Case
	for _, c := range Cases(op) {
		types := []dtype.DType{c.Attr.Compute}
		if c.Attr.Compute == dtype.Invalid {
			types = computeTypes[1:]
		}
		for _, t := range types {
			all = append(all, c.narrowed(t)...)
		}
	}
	return all
}

// narrowed are a case's variants in t, none where no operand may be narrow.
func (c *Case) narrowed(t dtype.DType) []Case {
	in := &program.Instr{Op: c.Op, Attr: c.Attr}
	var inputs, outputs, linears []int
	for i, o := range c.In {
		if !o.Absent() && in.ReadsAs(i, t) {
			inputs = append(inputs, i)
		}
	}
	for i, o := range c.Out {
		if ok, linear := in.WritesNarrow(i); ok && linear {
			linears = append(linears, i)
		} else if ok && o.InPlace == 0 {
			outputs = append(outputs, i)
		}
	}
	var all []Case
	add := func(what string, inputs, outputs []int) {
		v := *c
		v.Name = fmt.Sprintf("%s/%s_%s", c.Name, what, t)
		v.In, v.Out = slices.Clone(c.In), slices.Clone(c.Out)
		for _, i := range inputs {
			v.In[i].DType = t
		}
		for _, i := range outputs {
			v.Out[i].DType = t
		}
		all = append(all, v)
	}
	if views := len(c.In) > 0 && c.In[0].Before > 0; views {
		for _, i := range inputs {
			add(fmt.Sprintf("input_%d", i), []int{i}, nil)
		}
		for _, i := range append(outputs, linears...) {
			add(fmt.Sprintf("output_%d", i), nil, []int{i})
		}
	}
	if len(inputs)+len(outputs) > 0 {
		add("inputs", inputs, outputs)
	}
	if len(linears) > 0 {
		add("all", inputs, append(outputs, linears...))
	}
	return all
}

// wide is the case with the values that its narrow operands hold, in F32.
func (c *Case) wide() *Case {
	w := *c
	w.In, w.Out = slices.Clone(c.In), slices.Clone(c.Out)
	in := program.Instr{Op: c.Op, Attr: c.Attr}
	for i, o := range w.In {
		if in.ReadsAs(i, o.DType) {
			w.In[i].Floats, w.In[i].DType = o.values(), dtype.Invalid
		}
	}
	for i := range w.Out {
		w.Out[i].DType = dtype.Invalid
	}
	return &w
}

// normal is x with 0 for what float32 has no normal number for.
func normal(x []float32) []float32 {
	x = slices.Clone(x)
	for i, v := range x {
		if math.Abs(float64(v)) < 0x1p-126 {
			x[i] = 0
		}
	}
	return x
}

// RunNarrow holds what narrow cases give against the backend's own results for the same
// values in F32: the same bits, rounded where the output is narrow. With a step it runs every so-many-th.
func RunNarrow(t *testing.T, op program.Op, backend backends.Backend, same map[string]backends.Backend, step int) {
	refused := map[string]bool{}
	for i, c := range NarrowCases(op) {
		if step > 0 && i%step != 0 {
			continue
		}
		if err := backend.Describe().CheckTypes(c.program()); err != nil {
			if !refused[err.Error()] {
				refused[err.Error()] = true
				refuses(t, backend, &c)
			}
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			got, want := c.Execute(t, backend), c.wide().Execute(t, backend)
			for i := range want {
				if d := c.Out[i].DType; d != dtype.Invalid {
					want[i] = Operand{Floats: want[i], DType: d}.values()
				}
				if n := firstDifference(normal(got[i]), normal(want[i])); n >= 0 {
					t.Errorf("output %d, element %d: %v, wants %v as with F32", i, n, got[i][n], want[i][n])
				}
			}
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
