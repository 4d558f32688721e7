package vulkan

import "github.com/loraedge/loraedge/core/program"

func lowerNoise(k *kernels, in *instr) error {
	first, last, index, y := in.in[0], in.in[1], in.in[2], in.out[0]
	n := y.elements()
	k.add("noise", nil, push(first, last, index, y, k.scalars, n, y.cols, in.attr.Scale), flat(over(n, 256)), 60*float64(n))
	return nil
}

func lowerDrop(k *kernels, in *instr) error {
	x, index, y := in.in[0], in.in[1], in.out[0]
	n := y.elements()
	d := in.attr.Dropout
	k.add("drop", constants(d.P > 0, in.attr.Accumulate),
		push(x, index, y, k.scalars, n, y.cols, d.Module, program.Threshold(d.P), 1/(1-d.P)), flat(over(n, 256)), 60*float64(n))
	return nil
}
