package backendtest

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
)

// documents are the bounds of documents of these lengths; pads are documents
// of one token.
func documents(lengths ...int) (first, last Operand) {
	var f, l []int32
	for _, n := range lengths {
		from := len(f)
		for range n {
			f, l = append(f, int32(from)), append(l, int32(from+n-1))
		}
	}
	return ints(f), ints(l)
}

type attentionShape struct {
	name    string
	attr    program.Attr
	lengths []int
	scale   float64 // of queries
}

func attentionShapes() []attentionShape {
	shape := func(heads, kvHeads, headDim, window int, softCap float32) program.Attr {
		return program.Attr{Heads: heads, KVHeads: kvHeads, HeadDim: headDim, Window: window, SoftCap: softCap, Scale: 0.3}
	}
	all := []attentionShape{
		{"one_row", shape(1, 1, 8, 0, 0), []int{1}, 1},
		{"two_rows", shape(3, 1, 16, 0, 0), []int{2}, 1},
		{"pads_only", shape(2, 2, 8, 0, 0), []int{1, 1, 1, 1, 1}, 1},
		{"documents_and_pads", shape(4, 2, 16, 0, 0), []int{5, 1, 17, 9, 1, 1, 1}, 1},
		{"tile_edges", shape(2, 1, 64, 0, 0), []int{64, 65, 63}, 1},
		{"long", shape(2, 1, 8, 0, 0), []int{301}, 1},
		{"long_window", shape(2, 1, 8, 37, 0), []int{211, 90}, 1},
		{"window_1", shape(2, 2, 16, 1, 0), []int{9, 4}, 1},
		{"window_4", shape(6, 2, 16, 4, 0), []int{13, 3, 20}, 1},
		{"window_beyond", shape(2, 2, 8, 100, 0), []int{13, 3}, 1},
		{"cap", shape(4, 1, 16, 0, 5), []int{19, 14}, 3},
		{"cap_window", shape(4, 4, 32, 7, 30), []int{40, 2, 1}, 2},
		{"peaked", shape(2, 1, 16, 0, 0), []int{33, 8}, 30},
		{"odd_head", shape(3, 3, 10, 0, 0), []int{21}, 1},
	}
	for _, d := range []int{8, 16, 64, 80, 128} {
		all = append(all, attentionShape{fmt.Sprintf("head_dim_%d", d), shape(4, 2, d, 0, 0), []int{18, 7}, 1})
	}
	return all
}

// typedShapes are those of which a backend may have a kernel of its own for factors of 16 bits.
var typedShapes = []string{"one_row", "documents_and_pads", "tile_edges", "long_window", "window_4", "cap", "cap_window", "peaked", "odd_head", "head_dim_80", "head_dim_128"}

// eachCompute makes a shape's cases for float32 and for the types that
// factors are rounded to.
func (s attentionShape) eachCompute(make func(name string, attr program.Attr)) {
	make(s.name, s.attr)
	if slices.Contains(typedShapes, s.name) {
		for _, d := range computeTypes[1:] {
			attr := s.attr
			attr.Compute = d
			make(fmt.Sprintf("%s/compute_%s", s.name, d), attr)
		}
	}
}

// operands are q, k, v, first, last.
func (g *generator) operands(s attentionShape) []Operand {
	first, last := documents(s.lengths...)
	r := first.Rows
	q := Operand{Rows: r, Cols: s.attr.Heads * s.attr.HeadDim, Floats: g.Normal(r*s.attr.Heads*s.attr.HeadDim, s.scale)}
	return list(q, g.normal(r, s.attr.KVHeads*s.attr.HeadDim), g.normal(r, s.attr.KVHeads*s.attr.HeadDim), first, last)
}

func attentionCases(g *generator) {
	for _, s := range attentionShapes() {
		in := g.operands(s)
		out := list(fresh(in[0].Rows, in[0].Cols), fresh(in[0].Rows, s.attr.Heads))
		s.eachCompute(func(name string, attr program.Attr) {
			g.add(name, attr, in, out)
			g.add(name+"/view", attr, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
		})
	}
}

func attentionGradCases(g *generator) {
	for _, s := range attentionShapes() {
		in := g.operands(s)
		q, k := in[0], in[1]
		do := g.normal(q.Rows, q.Cols)
		out := list(fresh(q.Rows, q.Cols), fresh(k.Rows, k.Cols), fresh(k.Rows, k.Cols))
		s.eachCompute(func(name string, attr program.Attr) {
			forward := Case{Op: program.OpAttention, Attr: attr, In: in, Out: list(fresh(q.Rows, q.Cols), fresh(q.Rows, attr.Heads))}
			in := list(in[0], in[1], in[2], forward.reference(0), forward.reference(1), do, in[3], in[4])
			g.add(name, attr, in, out)
			g.add(name+"/view", attr, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
		})
	}
}

// fills are [rows, capacity, past, tokens] of a KV cache.
var fills = [][4]int{{1, 1, 0, 1}, {1, 40, 39, 1}, {8, 40, 0, 8}, {8, 40, 13, 5}, {16, 100, 70, 16}, {4, 9, 3, 0}}

func cacheAppendCases(g *generator) {
	for _, f := range fills {
		for _, cols := range []int{1, 24, 65} {
			name := fmt.Sprintf("%d_of_%dx%d_after_%d", f[3], f[0], cols, f[2])
			in, out := list(g.normal(f[0], cols)), list(g.normal(f[1], cols))
			c := g.add(name, program.Attr{}, in, out)
			c.Scalars.Past, c.Scalars.Tokens = f[2], f[3]
			c = g.add(name+"/view", program.Attr{}, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
			c.Scalars.Past, c.Scalars.Tokens = f[2], f[3]
		}
	}
}

func attentionCachedCases(g *generator) {
	for _, f := range fills {
		for _, s := range attentionShapes() {
			if len(s.lengths) > 2 || s.lengths[0] > 50 {
				continue // told apart by documents, which a cache does not have
			}
			a := s.attr
			q := Operand{Rows: f[0], Cols: a.Heads * a.HeadDim, Floats: g.Normal(f[0]*a.Heads*a.HeadDim, s.scale)}
			in := list(q, g.normal(f[1], a.KVHeads*a.HeadDim), g.normal(f[1], a.KVHeads*a.HeadDim))
			c := g.add(fmt.Sprintf("%s/%d_of_%d_after_%d", s.name, f[3], f[0], f[2]), a, in, list(g.normal(q.Rows, q.Cols)))
			c.Scalars.Past, c.Scalars.Tokens = f[2], f[3]
		}
	}
}

func ropeCases(g *generator) {
	for _, s := range []struct {
		name                  string
		rows, heads, dim, rot int
		interleaved           bool
	}{
		{"one", 1, 1, 2, 2, false}, {"half", 7, 3, 16, 16, false}, {"half_64", 33, 2, 64, 64, false},
		{"half_partial", 5, 2, 80, 32, false}, {"half_odd_pairs", 3, 2, 14, 14, false},
		{"interleaved", 7, 3, 16, 16, true}, {"interleaved_128", 9, 1, 128, 128, true}, {"interleaved_partial", 5, 2, 64, 22, true},
	} {
		freq := Operand{Rows: 1, Cols: s.rot / 2, Floats: make([]float32, s.rot/2)}
		for i := range freq.Floats {
			freq.Floats[i] = 1 / float32(1+i*i)
		}
		cols := s.heads * s.dim
		attr := program.Attr{Heads: s.heads, HeadDim: s.dim, Interleaved: s.interleaved, Scale: 1}
		in := list(g.normal(s.rows, cols), ints(g.upTo(s.rows, 100_000)), freq)
		g.add(s.name, attr, in, list(fresh(s.rows, cols)))
		g.add(s.name+"/in_place", attr, in, list(Operand{Rows: s.rows, Cols: cols, InPlace: 1}))
		attr.Inverse, attr.Scale = true, 1.25
		g.add(s.name+"/inverse/view", attr, g.amid(slices.Clone(in)), g.amid(list(fresh(s.rows, cols))))
	}
}
