package vulkan

import "fmt"

// activations number the activations as shaders/activation.glsl does.
var activations = map[string]uint32{"silu": 0, "gelu": 1, "gelu_tanh": 2}

func lowerGated(k *kernels, in *instr) error {
	act, ok := activations[in.attr.Activation]
	if !ok {
		return fmt.Errorf("the activation %q", in.attr.Activation)
	}
	y := in.out[0]
	n := y.elements()
	k.add("gated", constants(act, activationTypes(y)), push(in.in[0], in.in[1], y, n), flat(over(n, 256)), 48*float64(n))
	return nil
}

func lowerGatedGrad(k *kernels, in *instr) error {
	act, ok := activations[in.attr.Activation]
	if !ok {
		return fmt.Errorf("the activation %q", in.attr.Activation)
	}
	da, db := in.out[0], in.out[1]
	n := da.elements()
	k.add("gated_grad", constants(act, activationTypes(da, db)), push(in.in[0], in.in[1], in.in[2], da, db, n), flat(over(n, 256)), 80*float64(n))
	return nil
}
