package vulkan

func lowerCrossEntropy(k *kernels, in *instr) error {
	targets, weights, logits, logp := in.in[0], in.in[1], in.out[0], in.out[1]
	k.add("cross_entropy", constants(in.attr.Gradient), push(targets, weights, logits, logp, k.scalars, logits.rows, logits.cols),
		flat(logits.rows), 64*float64(logits.elements()))
	return nil
}
