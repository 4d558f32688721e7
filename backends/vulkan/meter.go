package vulkan

import (
	"math"
	"time"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/formats/dtype"
)

// peakRounds is ROUNDS of shaders/peak.comp and peak_matrix.glsl.
const peakRounds = 512

// Peak measures multiply-adds in registers: plain ones for F32, those of the
// matrix units for F16 and BF16, 0 where these are off or lacking. It takes
// submissions of 10 to 60 ms, the best of some.
func (b *Backend) Peak(d dtype.DType) (float64, error) {
	shader, values, flops := "peak", []uint32(nil), 256.0*32*2*peakRounds
	whole := false
	if d != dtype.F32 {
		u, ok := unitFor(&b.device.Info, d)
		if !ok || !b.device.matrices[d] {
			return 0, nil
		}
		all := subgroups(&b.device.Info)
		shader = map[dtype.DType]string{dtype.F16: "peak_matrix_f16", dtype.BF16: "peak_matrix_bf16"}[d]
		values, whole = constants(all*b.device.Info.Subgroup, u.m, u.n, u.k), true
		flops = float64(all) * 8 * 2 * float64(u.m*u.n*u.k) * peakRounds
	}
	p, err := b.device.pipeline(shader, values, whole)
	if err != nil {
		return 0, err
	}
	out, err := b.device.Alloc(4, vk.OnDevice)
	if err != nil {
		return 0, err
	}
	defer b.device.Free(out)
	run := func(groups int) (float64, error) {
		c := vk.Dispatch(p, push(out.Address, float32(0.999), float32(0.001)), flat(groups))
		from := time.Now()
		when, err := b.device.Submit([]vk.Command{c})
		if err == nil {
			err = b.device.Wait(vk.Compute, when)
		}
		return time.Since(from).Seconds(), err
	}
	return fastest(run, flops)
}

// fastest is the best speed of run, in flops a second, where a workgroup does
// flops and a run takes long enough for its beginning not to count. The number
// of groups stays a power of two: flat has no groups beyond it then.
func fastest(run func(groups int) (float64, error), flops float64) (float64, error) {
	const mostGroups = 1 << 24
	groups, best := 16, math.Inf(1)
	if _, err := run(groups); err != nil { // which may still compile
		return 0, err
	}
	for tries := 0; tries < 6; {
		took, err := run(groups)
		if err != nil {
			return 0, err
		}
		if took < 0.01 && groups < mostGroups {
			groups *= 2
			continue
		}
		best = min(best, took)
		tries++
	}
	return float64(groups) * flops / best, nil
}
