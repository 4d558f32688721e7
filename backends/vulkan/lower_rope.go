package vulkan

// ropeHeads is EACH of rope.comp.
const ropeHeads = 8

func lowerRoPE(k *kernels, in *instr) error {
	x, positions, freq, y := in.in[0], in.in[1], in.in[2], in.out[0]
	a := in.attr
	n := x.rows * over(a.Heads, ropeHeads) * (a.HeadDim - freq.cols)
	k.add("rope", constants(a.HeadDim, freq.cols, a.Interleaved, a.Inverse, activationTypes(y)), push(x, positions, freq, y, n, a.Heads, a.Scale),
		flat(over(n, 256)), 32*float64(x.elements()))
	return nil
}
