package vulkan

func lowerAdd(k *kernels, in *instr) error {
	y := in.out[0]
	n := y.elements()
	k.add("add", nil, push(in.in[0], in.in[1], y, n), flat(over(n, 256)), 48*float64(n))
	return nil
}

func lowerCopy(k *kernels, in *instr) error {
	x, y := in.in[0], in.out[0]
	eachPart(y.elements(), mostElements, func(at, n int) {
		k.add("copy", nil, push(x.address+4*uint64(at), y.address+4*uint64(at), n), flat(over(n, 256)), 32*float64(n))
	})
	return nil
}

func lowerZero(k *kernels, in *instr) error {
	x := in.out[0]
	eachPart(x.elements(), mostElements, func(at, n int) {
		k.add("zero", nil, push(x.address+4*uint64(at), n), flat(over(n, 256)), 16*float64(n))
	})
	return nil
}
