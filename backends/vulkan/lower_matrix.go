package vulkan

import (
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/formats/dtype"
)

// unit is a device's matrix unit for one type of factors.
type unit struct {
	shader  string
	m, n, k int
}

// unitFor finds the shape for products in compute. A device has none where it
// lacks whole subgroups of a known size, which the kernel counts on.
func unitFor(info *vk.Info, compute dtype.DType) (unit, bool) {
	var factors vk.Component
	var shader string
	switch compute {
	case dtype.F16:
		factors, shader = vk.Float16, "product_matrix_f16"
	case dtype.BF16:
		factors, shader = vk.Bfloat16, "product_matrix_bf16"
	default:
		return unit{}, false
	}
	f := &info.Features
	if !info.FixedSubgroup || !f.CooperativeMatrix || !f.MemoryModel || !f.Float16 && factors == vk.Float16 || !f.Bfloat16Matrix && factors == vk.Bfloat16 {
		return unit{}, false
	}
	var best unit
	for _, s := range info.Matrices {
		if s.A != factors || s.B != factors || s.C != vk.Float32 || s.Result != vk.Float32 || !s.SubgroupScope {
			continue
		}
		// Tiles of matrixTiles are whole fragments of these.
		if s.M > 16 || s.N > 16 || s.K > 32 || 16%s.M != 0 || 16%s.N != 0 || 32%s.K != 0 || s.M%4 != 0 || s.N%4 != 0 || s.K%4 != 0 {
			continue
		}
		if s.M*s.N*s.K > best.m*best.n*best.k {
			best = unit{shader, s.M, s.N, s.K}
		}
	}
	fits := 8*info.Subgroup <= info.MaxInvocations && matrixShared(best) <= info.SharedMemory
	return best, best.m > 0 && fits
}

// matrixShared is the shared memory of the largest tile, in bytes.
func matrixShared(u unit) int { return 2*128*(32+8)*2 + 8*4*u.m*u.n }

// matrixTile is a workgroup's part of a product, for wm·wn = 8 subgroups.
type matrixTile struct{ bm, bn, wm, wn int }

// matrixTiles, the first that fits is taken; see tiles.
var matrixTiles = []struct {
	matrixTile
	fits func(m, n int) bool
}{
	{matrixTile{128, 16, 8, 1}, func(_, n int) bool { return n <= 16 }},
	{matrixTile{16, 128, 1, 8}, func(m, _ int) bool { return m <= 16 }},
	{matrixTile{128, 32, 8, 1}, func(_, n int) bool { return n <= 32 }},
	{matrixTile{32, 128, 1, 8}, func(m, _ int) bool { return m <= 32 }},
	{matrixTile{128, 128, 4, 2}, func(m, n int) bool { return over(m, 128)*over(n, 128) >= enoughGroups }},
	{matrixTile{64, 64, 4, 2}, func(int, int) bool { return true }},
}

func matrixTileFor(m, n int) matrixTile {
	for _, t := range matrixTiles {
		if t.fits(m, n) {
			return t.matrixTile
		}
	}
	return matrixTile{}
}

// constants are the specialization constants of product_matrix.glsl.
func (u unit) constants(info *vk.Info, t matrixTile, p *product, weight uint32) []uint32 {
	return constants(t.wm*t.wn*info.Subgroup, t.bm, t.bn, t.wm, t.wn, p.kind, weight, p.dropout.P > 0,
		u.m, u.n, u.k, p.aligned(), info.Subgroup)
}

// aligned says that four elements of every operand can be read at once.
func (p *product) aligned() bool {
	for _, x := range []matrix{p.x, p.u, p.b} {
		if x.given() && !x.aligned() {
			return false
		}
	}
	// A word of 16-bit weights has two elements, so that any even address would do.
	return p.w.address%16 == 0 && p.w.cols%4 == 0
}
