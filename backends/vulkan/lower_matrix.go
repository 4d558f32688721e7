package vulkan

import (
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
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
		// Tiles of matrixTiles are whole fragments of these, which lie in shared memory in units of 8 elements.
		if s.M > 16 || s.N > 16 || s.K > 32 || 16%s.M != 0 || 16%s.N != 0 || 32%s.K != 0 || s.M%8 != 0 || s.N%8 != 0 || s.K%8 != 0 {
			continue
		}
		if s.M*s.N*s.K > best.m*best.n*best.k {
			best = unit{shader, s.M, s.N, s.K}
		}
	}
	return best, best.m > 0 && matrixShared(best, info) <= info.SharedMemory
}

// matrixShared is the shared memory of the largest tile, in bytes.
func matrixShared(u unit, info *vk.Info) int {
	return 2*128*(32+8)*2 + subgroups(info)*4*u.m*u.n
}

// subgroups of a workgroup of 256 invocations.
func subgroups(info *vk.Info) int { return max(1, 256/info.Subgroup) }

// matrixTile is a workgroup's part of a product, for wm·wn subgroups.
type matrixTile struct{ bm, bn, wm, wn int }

// matrixTiles, the first that fits is taken, for the reasons that tiles has. 32 terms at a time fill 10 KiB of shared
// memory a side of 128 in 16 bits, its padding included; 64 would leave room for one workgroup a core only.
var matrixTiles = []struct {
	bm, bn int
	fits   func(m, n int) bool
	why    string
}{
	{128, 16, func(_, n int) bool { return n <= 16 }, "a rank's side has the tile to itself"},
	{16, 128, func(m, _ int) bool { return m <= 16 }, "few rows: every weight is read and decoded once"},
	{128, 32, func(_, n int) bool { return n <= 32 }, "ranks up to 32"},
	{32, 128, func(m, _ int) bool { return m <= 32 }, "ranks and rows up to 32"},
	{128, 128, func(m, n int) bool { return over(m, 128)*over(n, 128) >= enoughGroups },
		"8 subgroups of 4×2 fragments of 16×16 load 6 fragments for 8 products"},
	{64, 64, func(int, int) bool { return true }, "too few large tiles would leave cores without work"},
}

// matrixTileFor gives every subgroup whole fragments, as square as they can be.
func matrixTileFor(m, n int, u unit, info *vk.Info) matrixTile {
	var best matrixTile
	for _, t := range matrixTiles {
		if !t.fits(m, n) {
			continue
		}
		for all := subgroups(info); best.wm == 0; all /= 2 {
			for wm := 1; wm <= all; wm *= 2 {
				wn := all / wm
				if t.bm%(wm*u.m) != 0 || t.bn%(wn*u.n) != 0 {
					continue
				}
				if x := (matrixTile{t.bm, t.bn, wm, wn}); best.wm == 0 || x.edge() < best.edge() {
					best = x
				}
			}
		}
		break
	}
	return best
}

// edge is what a subgroup reads of both tiles for one term.
func (t matrixTile) edge() int { return t.bm/t.wm + t.bn/t.wn }

// rowsThatDecode is how many rows of tiles may decode a weight in blocks each for itself. One, which is up to 128
// rows of activations, does it as often as dequantise would, without writing and reading 2 bytes
// a weight besides; a second would repeat some ten operations a weight, where all that a matrix unit does with it in a tile
// of 128 rows takes the time of 16 to 32.
const rowsThatDecode = 1

// matrixProduct adds a product on a matrix unit.
func (k *kernels) matrixProduct(p *product, u unit) error {
	if p.w.dtype.InBlocks() && over(p.m, matrixTileFor(p.m, p.n, u, k.info).bm) > rowsThatDecode {
		dense := *p
		dense.w = k.dequantise(p.w, p.compute)
		p = &dense
	}
	if p.kind == kindLinearGrad && p.dropout.P > 0 && p.rank > 0 {
		rank := *p
		rank.k, rank.mask = 0, true
		if p.y.dtype != dtype.F32 { // which is rounded once
			rank.y = k.scratch(p.m, p.n)
		}
		if err := k.matrixPart(&rank, u); err != nil {
			return err
		}
		rest := *p
		rest.u, rest.b, rest.rank, rest.dropout, rest.accumulate, rest.before = matrix{}, matrix{}, 0, program.Dropout{}, true, rank.y
		p = &rest
	}
	return k.matrixPart(p, u)
}

// matrixPart is a product in one dispatch, and its sum where it is in parts.
func (k *kernels) matrixPart(p *product, u unit) error {
	t := matrixTileFor(p.m, p.n, u, k.info)
	return k.productWith(p, t.bm, t.bn, func(types uint32, push []byte, groups [3]uint32, cost float64) {
		k.then(u.shader, u.constants(k.info, t, p, types), push, groups, cost)
		k.list[len(k.list)-1].wholeSubgroups = true
	})
}

// dequantise adds what makes a 16-bit matrix in scratch of one in blocks.
func (k *kernels) dequantise(w matrix, to dtype.DType) matrix {
	dense := k.scratch(w.rows, w.cols/2)
	dense.dtype, dense.cols = to, w.cols
	at, parts := weightParts(w)
	n := w.elements()
	k.add("dequantise", constants(typeNumbers[w.dtype], typeNumbers[to]),
		push(at, dense, k.tables, parts[0], parts[1], parts[2], n), flat(over(n, 8*256)), 10*float64(n))
	return dense
}

// constants are the specialization constants of product_matrix.glsl.
func (u unit) constants(info *vk.Info, t matrixTile, p *product, types uint32) []uint32 {
	dropout := p.dropout.P > 0
	aligned := p.aligned(8)
	plainX := aligned&alignedX != 0 && p.x.dtype == p.compute && p.scale == 1 && !(dropout && p.kind == kindLinear)
	plainW := aligned&alignedW != 0 && p.w.dtype == p.compute && !(dropout && p.kind == kindLinearWeightGrad)
	return constants(t.wm*t.wn*info.Subgroup, t.bm, t.bn, t.wm, t.wn, p.kind, typeNumbers[p.w.dtype], dropout,
		u.m, u.n, u.k, aligned, p.whole(), info.Subgroup, types, plainX, plainW)
}
