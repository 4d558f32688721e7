package vulkan

import (
	"strings"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// onAll is matrix units for all types.
var onAll = map[dtype.DType]bool{dtype.BF16: true, dtype.F16: true}

func shape(m, n, k int, factors, sum vk.Component) vk.Matrix {
	return vk.Matrix{M: m, N: n, K: k, A: factors, B: factors, C: sum, Result: sum, SubgroupScope: true}
}

// A unit is taken only where its shape, types and subgroups are what the kernel counts on.
func TestUnitFor(t *testing.T) {
	nvidia := vk.Info{
		Subgroup: 32, FixedSubgroup: true, SharedMemory: 48 << 10, MaxInvocations: 1024,
		Features: vk.Features{CooperativeMatrix: true, MemoryModel: true, Float16: true},
		Matrices: []vk.Matrix{
			shape(16, 8, 16, vk.Float16, vk.Float32), shape(16, 16, 16, vk.Float16, vk.Float16), shape(16, 16, 16, vk.Float16, vk.Float32),
			shape(16, 16, 16, vk.Bfloat16, vk.Float32),
		},
	}
	for _, c := range []struct {
		name    string
		change  func(*vk.Info)
		compute dtype.DType
		want    [3]int // 0 is none
	}{
		{"largest with sums in f32", func(*vk.Info) {}, dtype.F16, [3]int{16, 16, 16}},
		{"float32", func(*vk.Info) {}, dtype.F32, [3]int{}},
		{"bfloat16 without its feature", func(*vk.Info) {}, dtype.BF16, [3]int{}},
		{"bfloat16", func(i *vk.Info) { i.Features.Bfloat16Matrix = true }, dtype.BF16, [3]int{16, 16, 16}},
		{"Intel's shape", func(i *vk.Info) { i.Matrices = []vk.Matrix{shape(8, 16, 16, vk.Float16, vk.Float32)} }, dtype.F16, [3]int{8, 16, 16}},
		{"sums in f16 only", func(i *vk.Info) { i.Matrices = i.Matrices[1:2] }, dtype.F16, [3]int{}},
		{"no tile fits", func(i *vk.Info) { i.Matrices = []vk.Matrix{shape(32, 32, 16, vk.Float16, vk.Float32)} }, dtype.F16, [3]int{}},
		{"subgroups of any size", func(i *vk.Info) { i.FixedSubgroup = false }, dtype.F16, [3]int{}},
		{"little shared memory", func(i *vk.Info) { i.SharedMemory = 16 << 10 }, dtype.F16, [3]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			info := nvidia
			c.change(&info)
			u, ok := unitFor(&info, c.compute)
			if got := [3]int{u.m, u.n, u.k}; ok != (c.want != [3]int{}) || ok && got != c.want {
				t.Errorf("got %v, %v; want %v", got, ok, c.want)
			}
		})
	}
}

// Every subgroup has whole fragments, on subgroups of 8 to 64.
func TestMatrixTiles(t *testing.T) {
	for _, subgroup := range []int{8, 16, 32, 64} {
		for _, u := range []unit{{m: 8, n: 8, k: 8}, {m: 8, n: 16, k: 16}, {m: 16, n: 8, k: 16}, {m: 16, n: 16, k: 16}} {
			for _, s := range [][2]int{{1, 1}, {16, 4096}, {2048, 16}, {2048, 30}, {30, 2048}, {100, 100}, {4096, 4096}} {
				info := &vk.Info{Subgroup: subgroup}
				tile := matrixTileFor(s[0], s[1], u, info)
				if tile.wm*tile.wn*subgroup > 256 || tile.bm%(tile.wm*u.m) != 0 || tile.bn%(tile.wn*u.n) != 0 || tile.wm == 0 {
					t.Errorf("subgroup %d, unit %v, product %v: tile %+v", subgroup, u, s, tile)
				}
			}
		}
	}
}

// Products on matrix units differ from those in float32 by the rounding of
// their factors.
func TestProductsOnMatrices(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	for compute, most := range map[dtype.DType]float64{dtype.F16: 2e-3, dtype.BF16: 1.6e-2} {
		if _, ok := unitFor(&b.device.Info, compute); !ok {
			t.Logf("no matrix unit for %s: nothing was run", compute)
			continue
		}
		for _, op := range []program.Op{program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad} {
			for _, c := range append(bt.Cases(op), manyRows(op, compute)...) {
				// One shape of typed weights: lavapipe takes seconds to compile each kernel.
				if c.Attr.Compute != compute || !strings.Contains(c.Name, "17x192") && !strings.Contains(c.Name, "64x192") &&
					!strings.Contains(c.Name, "many rows") {
					continue
				}
				t.Run(op.String()+"/"+c.Name, func(t *testing.T) {
					b.device.matrices = onAll
					got := c.Execute(t, b)[0]
					b.device.matrices = nil
					if e := distance(got, c.Execute(t, b)[0]); !(e > 0 && e < most) {
						t.Errorf("differs by %.2g of its norm; want a little, at most %g", e, most)
					}
				})
			}
		}
	}
}

// manyRows is a product with a weight in NF4 of so many rows that the weight gets 16 bits first.
func manyRows(op program.Op, compute dtype.DType) []bt.Case {
	const rows, inputs, outputs = 130, 64, 96
	src := bt.NewSource(5)
	normal := func(r, c int) bt.Operand { return bt.Operand{Rows: r, Cols: c, Floats: src.Normal(r*c, 1)} }
	w := normal(outputs, inputs)
	w.DType = dtype.NF4Double
	c := bt.Case{Name: "many rows", Op: op, Attr: program.Attr{Scale: 1, Compute: compute}}
	switch op {
	case program.OpLinear:
		c.In, c.Out = []bt.Operand{normal(rows, inputs), w, {}, {}, {}, {}}, []bt.Operand{{Rows: rows, Cols: outputs}}
	case program.OpLinearGrad:
		c.In, c.Out = []bt.Operand{normal(rows, outputs), w, {}, {}, {}}, []bt.Operand{{Rows: rows, Cols: inputs}}
	default:
		return nil
	}
	return []bt.Case{c}
}

// A weight in blocks is decoded in the product where one row of tiles does it, else once before.
func TestDecodedOnce(t *testing.T) {
	info := &vk.Info{Subgroup: 32, FixedSubgroup: true, SharedMemory: 48 << 10, MaxGroups: [3]uint32{65535, 65535, 65535},
		Features: vk.Features{CooperativeMatrix: true, MemoryModel: true, Float16: true},
		Matrices: []vk.Matrix{shape(16, 16, 16, vk.Float16, vk.Float32)}}
	for rows, want := range map[int]string{1: "product", 64: "product", 128: "product", 129: "dequantise", 2048: "dequantise"} {
		k := &kernels{info: info, matrices: onAll}
		p := &product{kind: kindLinear, m: rows, n: 1 << 14, k: 4096, compute: dtype.F16,
			x: matrix{dtype: dtype.F32, rows: rows, cols: 4096}, w: matrix{dtype: dtype.NF4, rows: 1 << 14, cols: 4096},
			y: matrix{dtype: dtype.F32, rows: rows, cols: 1 << 14}}
		if err := k.product(p); err != nil {
			t.Fatal(err)
		}
		if first := k.list[0].shader; !strings.HasPrefix(first, want) {
			t.Errorf("%d rows: the first dispatch is %s, want %s", rows, first, want)
		}
	}
}
