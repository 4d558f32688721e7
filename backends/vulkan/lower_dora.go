package vulkan

import "fmt"

// mostNormRank is the largest rank whose factors of a row fit shared memory.
const mostNormRank = 4096

func lowerWeightNorm(k *kernels, in *instr) error {
	w, a, b, norm := in.in[0], in.in[1], in.in[2], in.out[0]
	weight, ok := typeNumbers[w.dtype]
	if !ok {
		return fmt.Errorf("a weight of type %s", w.dtype)
	}
	if a.rows > mostNormRank {
		return fmt.Errorf("a rank of %d; at most %d", a.rows, mostNormRank)
	}
	// Eight rows share what they read of a.
	rows := 8
	if a.rows*rows > mostNormRank {
		rows = 1
	}
	address, at := weightParts(w)
	k.add("weight_norm", constants(a.rows, rows, weight),
		push(address, a, b, norm, k.tables, w.rows, w.cols, in.attr.Scale, at[0], at[1], at[2]),
		flat(over(w.rows, rows)), 2*float64(w.elements())*float64(a.rows+8))
	return nil
}

func lowerMagnitude(k *kernels, in *instr) error {
	x, m, norm, bias, y := in.in[0], in.in[1], in.in[2], in.in[3], in.out[0]
	k.magnitude(x, m, norm, bias, y, in.attr.Offset, in.attr.Accumulate)
	return nil
}

func lowerMagnitudeGrad(k *kernels, in *instr) error {
	dy, x, m, norm, dx, dm := in.in[0], in.in[1], in.in[2], in.in[3], in.out[0], in.out[1]
	k.columnSums(&columnSums{terms: termsProduct, x: x, dy: dy, norm: norm, rows: x.rows, y: dm})
	k.magnitude(dy, m, norm, matrix{}, dx, in.attr.Offset, false)
	return nil
}

func (k *kernels) magnitude(x, m, norm, bias, y matrix, offset float32, accumulate bool) {
	n := y.elements()
	k.add("magnitude", constants(bias.given(), accumulate), push(x, m, norm, bias, y, k.scalars, n, y.cols, offset),
		flat(over(n, 256)), 40*float64(n))
}
