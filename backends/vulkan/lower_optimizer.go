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
	eachPart(n, mostElements/each*each, func(at, size int) {
		k.add("grad_norm", constants(false), push(grads.address+4*uint64(at), partials.address+4*normSums*uint64(at/each), norm, k.scalars, size, each),
			flat(over(size, each)), 60*float64(size))
	})
	k.then("grad_norm", constants(true), push(matrix{}, partials, norm, k.scalars, groups, groups), flat(1), 100*float64(groups))
	return nil
}

// updateBegin finds what all parameters of an update share; the dispatches of ranges wait for it.
func (k *kernels) updateBegin(optimizer matrix, count bool) (factors matrix) {
	factors = k.scratch(1, 4)
	k.add("update_begin", constants(count), push(optimizer, factors, k.scalars), flat(1), 1000)
	return factors
}

// eachRange adds a dispatch for each range; ranges without a gap between them that differ in nothing
// are one. at is the range's first element.
func (k *kernels) eachRange(shader string, ranges []program.Range, cost float64, pushed func(at uint64, r program.Range) []byte) {
	for i, r := range merged(ranges) {
		k.add(shader, nil, pushed(uint64(r.Offset), r), flat(over(int(r.Len), 256)), cost*float64(r.Len))
		k.list[len(k.list)-1].after = i == 0
	}
}

func lowerAdamW(k *kernels, in *instr) error {
	grads, params, m, v := in.in[0], in.out[0], in.out[1], in.out[2]
	factors := k.updateBegin(in.out[3], true)
	k.eachRange("adamw", in.attr.Ranges, 112, func(at uint64, r program.Range) []byte {
		return push(grads.address+4*at, params.address+4*at, m.address+4*at, v.address+4*at, factors, k.scalars, int(r.Len), r.Rate, r.Decay)
	})
	return nil
}

func lowerSGD(k *kernels, in *instr) error {
	grads, params, m := in.in[0], in.out[0], in.out[1]
	factors := k.updateBegin(in.out[2], true)
	k.eachRange("sgd", in.attr.Ranges, 80, func(at uint64, r program.Range) []byte {
		return push(grads.address+4*at, params.address+4*at, m.address+4*at, factors, k.scalars, int(r.Len), r.Rate, r.Decay)
	})
	return nil
}

func lowerAdamW8(k *kernels, in *instr) error {
	grads, signed, unsigned := in.in[0], in.in[1], in.in[2]
	params, m, v, scales := in.out[0], in.out[1], in.out[2], in.out[3]
	factors := k.updateBegin(in.in[3], false)
	k.eachRange("adamw8", in.attr.Ranges, 64, func(at uint64, r program.Range) []byte {
		return push(grads.address+4*at, signed, unsigned, params.address+4*at, m.address+at, v.address+at, scales.address+at/256*4,
			factors, k.scalars, int(r.Len), scales.cols, r.Rate, r.Decay)
	})
	return nil
}

// merged joins ranges that lie side by side and have the same factors, to at most mostElements.
func merged(ranges []program.Range) []program.Range {
	var list []program.Range
	for _, r := range ranges {
		if n := len(list) - 1; n >= 0 && list[n].Offset+list[n].Len == r.Offset && list[n].Rate == r.Rate && list[n].Decay == r.Decay &&
			list[n].Len+r.Len <= mostElements {
			list[n].Len += r.Len
			continue
		}
		list = append(list, r)
	}
	return list
}
