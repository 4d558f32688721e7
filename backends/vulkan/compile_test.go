package vulkan

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/shaders"
)

// TestCompiles compiles every kernel that a program may want with the driver of a device that
// need not compute: tools/drivers/compile gives it GPUs that are not there. Set
// LORAEDGE_VULKAN_COMPILE to 1, or to how the names and constants of the wanted kernels begin; what the
// driver's compiler says of each goes to standard output.
func TestCompiles(t *testing.T) {
	begins := os.Getenv("LORAEDGE_VULKAN_COMPILE")
	if begins == "" {
		t.Log("nothing was compiled: LORAEDGE_VULKAN_COMPILE is not set")
		return
	}
	v, err := vk.Open()
	if err != nil {
		t.Fatal(err)
	}
	all, err := v.Devices()
	if err != nil {
		t.Fatal(err)
	}
	info, err := choose(all, os.Getenv("LORAEDGE_VULKAN_DEVICE"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := v.OpenDevice(*info)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{Device: opened, pipelines: map[string]*vk.Pipeline{}, matrices: onAll, code: shaders.SPIRV}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	if info.Features.Statistics {
		d.KeepStatistics()
	}
	t.Logf("%s, %s %s, subgroups of %d (fixed: %v), %d bytes shared, matrices %v, %+v", info.Name, info.DriverName, info.DriverInfo, info.Subgroup, info.FixedSubgroup, info.SharedMemory, shapes(info), info.Features)
	wanted := map[string]dispatch{}
	for _, x := range append(caseDispatches(t, d), modelDispatches(t, d)...) {
		if begins == "1" || strings.HasPrefix(fmt.Sprintf("%s %v", x.shader, x.constants), begins) {
			wanted[pipelineKey(x.shader, x.constants)] = x
		}
	}
	if len(wanted) == 0 {
		t.Fatalf("no kernel is named %s…", begins)
	}
	failed := 0
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		x := wanted[key]
		p, err := d.pipeline(x.shader, x.constants, x.wholeSubgroups)
		if err != nil {
			t.Error(err)
			failed++
			continue
		}
		if !info.Features.Statistics {
			continue
		}
		all, err := d.Statistics(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, variant := range all {
			fmt.Printf("kernel %s %v %v\n", x.shader, x.constants, variant)
		}
	}
	t.Logf("%d kernels compiled, %d refused", len(wanted)-failed, failed)
}

// caseDispatches are those of all test cases.
func caseDispatches(t *testing.T, d *device) []dispatch {
	var all []dispatch
	cases := shapeCases()
	for _, op := range program.Ops() {
		cases = append(cases, bt.Cases(op)...)
	}
	for i := range cases {
		p, _, _ := cases[i].Program()
		l := &lowering{device: d}
		for e := range p.Entries {
			list, err := l.entry(resolve(p, &p.Entries[e], make([]uint64, len(p.Blocks))))
			if err != nil {
				t.Fatalf("%s/%s: %v", cases[i].Op, cases[i].Name, err)
			}
			for _, w := range list {
				all = append(all, w.dispatches...)
			}
		}
	}
	return all
}

// modelDispatches are those of an 8B model's products and of attention with the head sizes that
// models have, in every type.
func modelDispatches(t *testing.T, d *device) []dispatch {
	var all []dispatch
	lower := func(in instr) {
		k := &kernels{info: &d.Info, matrices: onAll}
		if err := lowerings[in.op](k, &in); err != nil {
			t.Fatalf("%s: %v", in.op, err)
		}
		all = append(all, k.list...)
	}
	of := func(t dtype.DType) func(rows, cols int) matrix {
		return func(rows, cols int) matrix { return matrix{dtype: t, rows: rows, cols: cols} }
	}
	f32 := of(dtype.F32)
	for _, compute := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		productDispatches(lower, compute, f32)
		attentionDispatches(lower, compute, f32)
		if compute != dtype.F32 {
			productDispatches(lower, compute, of(compute))
			attentionDispatches(lower, compute, of(compute))
		}
	}
	return all
}

// productDispatches are those of an 8B model's MLP, with what activations are held in.
func productDispatches(lower func(instr), compute dtype.DType, held func(rows, cols int) matrix) {
	const hidden, inner, rank = 4096, 14336, 16
	none := matrix{}
	f32 := func(rows, cols int) matrix { return matrix{dtype: dtype.F32, rows: rows, cols: cols} }
	for _, weight := range []dtype.DType{dtype.F32, dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double} {
		w := matrix{dtype: weight, rows: inner, cols: hidden}
		for _, rows := range []int{1, 16, 512, 2048} {
			for _, dropout := range []float32{0, 0.1} {
				a := &program.Attr{Scale: 1, Compute: compute, Dropout: program.Dropout{P: dropout}}
				index := none
				if dropout > 0 {
					index = matrix{dtype: dtype.I32, rows: rows, cols: 1}
				}
				lower(instr{op: program.OpLinear, attr: a,
					in: []matrix{held(rows, hidden), w, none, held(rows, rank), f32(inner, rank), index}, out: []matrix{held(rows, inner)}})
				lower(instr{op: program.OpLinearGrad, attr: a,
					in: []matrix{held(rows, inner), w, held(rows, rank), f32(rank, hidden), index}, out: []matrix{held(rows, hidden)}})
				lower(instr{op: program.OpLinearWeightGrad, attr: a,
					in: []matrix{held(rows, rank), held(rows, hidden), index}, out: []matrix{f32(rank, hidden)}})
			}
		}
	}
}

// attentionDispatches are those of heads of all sizes that models have.
func attentionDispatches(lower func(instr), compute dtype.DType, held func(rows, cols int) matrix) {
	const rows = 2048
	for _, size := range []int{64, 80, 96, 128, 192, 256} {
		a := &program.Attr{Heads: 8, KVHeads: 2, HeadDim: size, Scale: 0.1, Compute: compute}
		q, key, per := held(rows, 8*size), held(rows, 2*size), matrix{dtype: dtype.F32, rows: rows, cols: 8}
		bound := matrix{dtype: dtype.I32, rows: rows, cols: 1}
		lower(instr{op: program.OpAttention, attr: a, in: []matrix{q, key, key, bound, bound}, out: []matrix{q, per}})
		lower(instr{op: program.OpAttentionGrad, attr: a, in: []matrix{q, key, key, q, per, q, bound, bound}, out: []matrix{q, key, key}})
		if q.dtype == dtype.F32 {
			lower(instr{op: program.OpAttentionCached, attr: a, in: []matrix{q, key, key}, out: []matrix{q}})
		}
	}
}
