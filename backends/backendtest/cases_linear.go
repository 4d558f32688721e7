package backendtest

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
)

// products are [rows, inputs, outputs]: single rows and columns, sizes around
// and between the tiles that kernels use, long sums.
var products = [][3]int{
	{1, 1, 1}, {1, 7, 5}, {3, 16, 9}, {8, 32, 16}, {17, 33, 31}, {64, 64, 64},
	{65, 129, 70}, {5, 300, 257}, {130, 48, 16}, {33, 576, 3}, {2, 1536, 40},
}

// ranks are the adapters' ranks that go with the products in turn.
var ranks = []int{1, 4, 8, 16, 20}

// absent is an optional operand that is left out.
var absent = Operand{}

// dropout of half of the elements, so that its scale shows.
var dropout = program.Dropout{P: 0.5, Module: 3}

// index are token indices as in a window of several micro batches.
func (g *generator) index(rows int) Operand {
	x := g.upTo(rows, 1<<20)
	return ints(x)
}

func linearCases(g *generator) {
	for n, s := range products {
		r, i, o := s[0], s[1], s[2]
		k := ranks[n%len(ranks)]
		name := fmt.Sprintf("%dx%d_to_%d", r, i, o)
		x, w, bias := g.normal(r, i), g.normal(o, i), g.normal(1, o)
		u, b, index := g.normal(r, k), g.normal(o, k), g.index(r)
		one := program.Attr{Scale: 1}
		g.add(name, one, list(x, w, absent, absent, absent, absent), list(fresh(r, o)))
		g.add(name+"/bias", program.Attr{Scale: -0.75}, list(x, w, bias, absent, absent, absent), list(fresh(r, o)))
		g.add(name+"/rank", one, list(x, w, absent, u, b, absent), list(fresh(r, o)))
		g.add(name+"/accumulate", program.Attr{Scale: 1, Accumulate: true}, list(x, w, bias, u, b, absent), list(g.normal(r, o)))
		drop := program.Attr{Scale: 2, Adapter: true, Dropout: dropout}
		g.add(name+"/dropout", drop, list(x, w, absent, absent, absent, index), list(fresh(r, o)))
		g.add(name+"/no_training", drop, list(x, w, absent, absent, absent, index), list(fresh(r, o))).Scalars.Training = false
		g.add(name+"/adapter_off", drop, list(x, w, bias, u, b, index), list(fresh(r, o))).Scalars.Adapter = 0
		all := program.Attr{Scale: 0.5, Adapter: true, Accumulate: true, Dropout: dropout}
		g.add(name+"/all/view", all, g.amid(list(x, w, bias, u, b, index)), g.amid(list(g.normal(r, o)))).Scalars.Adapter = 0.5
	}
}

func linearGradCases(g *generator) {
	for n, s := range products {
		r, i, o := s[0], s[1], s[2]
		k := ranks[n%len(ranks)]
		name := fmt.Sprintf("%dx%d_from_%d", r, i, o)
		dy, w, du, a, index := g.normal(r, o), g.normal(o, i), g.normal(r, k), g.normal(k, i), g.index(r)
		g.add(name, program.Attr{Scale: 1}, list(dy, w, absent, absent, absent), list(fresh(r, i)))
		g.add(name+"/rank", program.Attr{Scale: 1}, list(dy, w, du, a, absent), list(fresh(r, i)))
		drop := program.Attr{Scale: 0.5, Dropout: dropout}
		g.add(name+"/dropout", drop, list(dy, w, du, a, index), list(fresh(r, i)))
		g.add(name+"/no_training", drop, list(dy, w, du, a, index), list(fresh(r, i))).Scalars.Training = false
		drop.Accumulate = true
		g.add(name+"/accumulate", program.Attr{Scale: 1, Accumulate: true}, list(dy, w, absent, absent, absent), list(g.normal(r, i)))
		g.add(name+"/all/view", drop, g.amid(list(dy, w, du, a, index)), g.amid(list(g.normal(r, i))))
	}
}

func linearWeightGradCases(g *generator) {
	for _, s := range products {
		r, i, o := s[0], s[1], s[2]
		name := fmt.Sprintf("%dx%d_over_%d", o, i, r)
		in := list(g.normal(r, o), g.normal(r, i), absent)
		g.add(name, program.Attr{}, in, list(g.normal(o, i)))
		in = slices.Clone(in)
		in[2] = g.index(r)
		drop := program.Attr{Dropout: dropout}
		g.add(name+"/dropout", drop, in, list(g.normal(o, i)))
		g.add(name+"/no_training", drop, in, list(g.normal(o, i))).Scalars.Training = false
		g.add(name+"/dropout/view", drop, g.amid(slices.Clone(in)), g.amid(list(g.normal(o, i))))
	}
}

func biasGradCases(g *generator) {
	for _, s := range products {
		r, o := s[0], s[2]
		name := fmt.Sprintf("%dx%d", r, o)
		g.add(name, program.Attr{}, list(g.normal(r, o)), list(g.normal(1, o)))
		g.add(name+"/view", program.Attr{}, g.amid(list(g.normal(r, o))), g.amid(list(g.normal(1, o))))
	}
}

// norms are [rows, columns, columns of a group].
var norms = [][3]int{{1, 1, 1}, {1, 7, 7}, {3, 16, 16}, {5, 65, 65}, {33, 576, 576}, {3, 64, 16}, {17, 240, 80}, {2, 30, 5}}

func normCases(g *generator) {
	for _, s := range norms {
		r, c, n := s[0], s[1], s[2]
		name := fmt.Sprintf("%dx%d_by_%d", r, c, n)
		in, out := list(g.normal(r, c), g.normal(1, n)), list(fresh(r, c), fresh(r, c/n))
		g.add(name, program.Attr{Eps: 1e-5}, in, out)
		g.add(name+"/offset/view", program.Attr{Eps: 1e-2, Offset: 1}, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
	}
	tiny := Operand{Rows: 2, Cols: 40, Floats: g.Normal(80, 1e-12)}
	g.add("eps_only", program.Attr{Eps: 1e-5}, list(tiny, g.normal(1, 40)), list(fresh(2, 40), fresh(2, 1)))
}

// rstd is one over the root mean square of groups of n, as the forward gives it.
func rstd(x Operand, n int) Operand {
	c := Case{Op: program.OpRMSNorm, Attr: program.Attr{Eps: 1e-5}, In: list(x, Operand{Rows: 1, Cols: n, Floats: make([]float32, n)}),
		Out: list(fresh(x.Rows, x.Cols), fresh(x.Rows, x.Cols/n))}
	return c.reference(1)
}

func normGradCases(g *generator) {
	for _, s := range norms {
		r, c, n := s[0], s[1], s[2]
		name := fmt.Sprintf("%dx%d_by_%d", r, c, n)
		x := g.normal(r, c)
		in := list(x, g.normal(1, n), rstd(x, n), g.normal(r, c))
		g.add(name, program.Attr{}, in, list(fresh(r, c)))
		attr := program.Attr{Offset: 1, Accumulate: true}
		g.add(name+"/offset/accumulate/view", attr, g.amid(slices.Clone(in)), g.amid(list(g.normal(r, c))))
	}
}

func normWeightGradCases(g *generator) {
	for _, s := range norms {
		r, c, n := s[0], s[1], s[2]
		name := fmt.Sprintf("%dx%d_by_%d", r, c, n)
		x := g.normal(r, c)
		in := list(x, rstd(x, n), g.normal(r, c))
		g.add(name, program.Attr{}, in, list(g.normal(1, n)))
		g.add(name+"/view", program.Attr{}, g.amid(slices.Clone(in)), g.amid(list(g.normal(1, n))))
	}
}
