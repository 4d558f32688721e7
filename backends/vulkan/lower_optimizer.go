package vulkan

import "github.com/loraedge/loraedge/core/program"

const (
	// normGroups is the most workgroups of grad_norm.comp, since one adds up what all found.
	normGroups = 1024
	// normSums is the number of floats that each finds.
	normSums = 7
)

func lowerGradNorm(k *kernels, in *instr) error {
	grads, optimizer := in.in[0], in.out[0]
	n := grads.elements()
	each := over(max(over(n, normGroups), 4096), 256) * 256
	groups := over(n, each)
	partials := k.scratch(groups, normSums)
	norm := optimizer.address + 4*program.OptNorm
	k.add("grad_norm", constants(false), push(grads, partials, norm, n, each), flat(groups), 60*float64(n))
	k.then("grad_norm", constants(true), push(matrix{}, partials, norm, groups, groups), flat(1), 100*float64(groups))
	return nil
}

// lowerAdamW is a small dispatch for what all parameters share, then one for each range; ranges
// without a gap between them that differ in nothing are one.
func lowerAdamW(k *kernels, in *instr) error {
	grads, params, m, v, optimizer := in.in[0], in.out[0], in.out[1], in.out[2], in.out[3]
	factors := k.scratch(1, 4)
	k.add("adamw_begin", nil, push(optimizer, factors, k.scalars), flat(1), 1000)
	for i, r := range merged(in.attr.Ranges) {
		at := uint64(4 * r.Offset)
		n := int(r.Len)
		k.add("adamw", nil,
			push(grads.address+at, params.address+at, m.address+at, v.address+at, factors, k.scalars, n, r.Rate, r.Decay),
			flat(over(n, 256)), 112*float64(n))
		k.list[len(k.list)-1].after = i == 0
	}
	return nil
}

// merged joins ranges that lie side by side and have the same factors.
func merged(ranges []program.Range) []program.Range {
	var list []program.Range
	for _, r := range ranges {
		if n := len(list) - 1; n >= 0 && list[n].Offset+list[n].Len == r.Offset && list[n].Rate == r.Rate && list[n].Decay == r.Decay {
			list[n].Len += r.Len
			continue
		}
		list = append(list, r)
	}
	return list
}
