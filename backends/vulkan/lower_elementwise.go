package vulkan

func lowerAdd(k *kernels, in *instr) error {
	y := in.out[0]
	n := y.elements()
	k.add("add", nil, push(in.in[0], in.in[1], y, n), flat(over(n, 256)), 48*float64(n))
	return nil
}

func lowerCopy(k *kernels, in *instr) error {
	y := in.out[0]
	n := y.elements()
	k.add("copy", nil, push(in.in[0], y, n), flat(over(n, 256)), 32*float64(n))
	return nil
}

func lowerZero(k *kernels, in *instr) error {
	x := in.out[0]
	n := x.elements()
	k.add("zero", nil, push(x, n), flat(over(n, 256)), 16*float64(n))
	return nil
}
