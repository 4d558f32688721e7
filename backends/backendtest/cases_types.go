package backendtest

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// typedProducts are [rows, inputs, outputs] for weights of every type: inputs in whole blocks but in the
// last, sums and tiles of odd lengths, more than one nested block, sums of whole vectors that end amid a tile.
var typedProducts = [][3]int{{1, 64, 5}, {3, 128, 33}, {17, 192, 64}, {70, 64, 130}, {5, 1536, 40}, {9, 40, 24}}

// weightTypes are those of matrices with so many inputs; Invalid is float32.
func weightTypes(inputs int) []dtype.DType {
	all := []dtype.DType{dtype.Invalid, dtype.BF16, dtype.F16}
	if inputs%dtype.Block == 0 {
		all = append(all, dtype.NF4, dtype.NF4Double)
	}
	return all
}

var computeTypes = []dtype.DType{dtype.Invalid, dtype.BF16, dtype.F16}

// held is o in a buffer of type d.
func held(o Operand, d dtype.DType) Operand {
	o.DType = d
	return o
}

// amidUnlessBlocks is amid, with matrices in blocks left whole.
func (g *generator) amidUnlessBlocks(operands []Operand) []Operand {
	out := g.amid(operands)
	for i := range out {
		if out[i].DType.InBlocks() {
			out[i].Before, out[i].After = 0, 0
		}
	}
	return out
}

// eachType calls make for every pair of types but that of plain float32, with weights of so many inputs.
func eachType(inputs int, make func(name string, weight, compute dtype.DType)) {
	for _, w := range weightTypes(inputs) {
		for _, c := range computeTypes {
			if w != dtype.Invalid || c != dtype.Invalid {
				make(fmt.Sprintf("weight_%s/compute_%s", typeName(w), typeName(c)), w, c)
			}
		}
	}
}

// typeName is float32's where an operand or product has no type of its own.
func typeName(d dtype.DType) string {
	if d == dtype.Invalid {
		return dtype.F32.String()
	}
	return d.String()
}

func linearTypeCases(g *generator) {
	for n, s := range typedProducts {
		r, i, o, k := s[0], s[1], s[2], ranks[n%len(ranks)]
		x, w, bias, u, b, index := g.normal(r, i), g.normal(o, i), g.normal(1, o), g.normal(r, k), g.normal(o, k), g.index(r)
		eachType(i, func(name string, weight, compute dtype.DType) {
			name = fmt.Sprintf("%dx%d_to_%d/%s", r, i, o, name)
			wt := held(w, weight)
			g.add(name, program.Attr{Scale: 1, Compute: compute}, list(x, wt, absent, u, b, absent), list(fresh(r, o)))
			all := program.Attr{Scale: 0.5, Adapter: true, Accumulate: true, Dropout: dropout, Compute: compute}
			g.add(name+"/all/view", all, g.amidUnlessBlocks(list(x, wt, bias, u, b, index)), g.amid(list(g.normal(r, o)))).Scalars.Adapter = 0.5
		})
	}
}

func linearGradTypeCases(g *generator) {
	for n, s := range typedProducts {
		r, i, o, k := s[0], s[1], s[2], ranks[n%len(ranks)]
		dy, w, du, a, index := g.normal(r, o), g.normal(o, i), g.normal(r, k), g.normal(k, i), g.index(r)
		eachType(i, func(name string, weight, compute dtype.DType) {
			name = fmt.Sprintf("%dx%d_from_%d/%s", r, i, o, name)
			wt := held(w, weight)
			g.add(name, program.Attr{Scale: 1, Compute: compute}, list(dy, wt, du, a, absent), list(fresh(r, i)))
			all := program.Attr{Scale: 0.5, Accumulate: true, Dropout: dropout, Compute: compute}
			g.add(name+"/all/view", all, g.amidUnlessBlocks(list(dy, wt, du, a, index)), g.amid(list(g.normal(r, i))))
		})
	}
}

func linearWeightGradTypeCases(g *generator) {
	for _, s := range typedProducts {
		r, i, o := s[0], s[1], s[2]
		for _, compute := range computeTypes[1:] {
			name := fmt.Sprintf("%dx%d_over_%d/compute_%s", o, i, r, compute)
			dy, x := g.normal(r, o), g.normal(r, i)
			g.add(name, program.Attr{Compute: compute}, list(dy, x, absent), list(g.normal(o, i)))
			g.add(name+"/dropout", program.Attr{Dropout: dropout, Compute: compute}, list(dy, x, g.index(r)), list(g.normal(o, i)))
		}
	}
}

func embedTypeCases(g *generator) {
	for _, d := range []dtype.DType{dtype.BF16, dtype.F16} {
		table := held(g.normal(17, 65), d)
		ids := ints(g.upTo(9, 17))
		g.add("table_"+d.String(), program.Attr{Scale: 1}, list(ids, table), list(fresh(9, 65)))
		g.add("table_"+d.String()+"/view", program.Attr{Scale: 22.6}, g.amid(list(ids, table)), g.amid(list(fresh(9, 65))))
	}
}
