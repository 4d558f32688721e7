package vulkan

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/shaders"
)

// fault is what a driver may do wrong, done to a kernel: it changes the code, and says how often.
type fault struct {
	name    string
	shaders []string // how the names of those that it is done to begin
	inject  func(m *spirv) int
	// by are the instructions of which the probe must find results wrong.
	by []program.Op
	// among are how the names of proofs end that are run, instead of one of each kernel.
	among string
}

var (
	productOps  = []program.Op{program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad}
	attentions  = []program.Op{program.OpAttention, program.OpAttentionGrad}
	matrixCodes = []string{"product_matrix", "attention_f16", "attention_grad_q_f16", "attention_grad_kv_f16"}
	allProducts = append(append([]program.Op(nil), productOps...), attentions...)
)

// matrixFaults are those of matrix units.
var matrixFaults = []fault{
	{"what was summed before is dropped", matrixCodes, func(m *spirv) int {
		zeros := map[uint32]uint32{}
		for _, in := range m.list {
			if codeOf(in) == opMatrixMulAdd {
				zeros[in[1]] = 0
			}
		}
		for kind := range zeros {
			zeros[kind] = m.declare(instruction(opConstantNull, kind, m.fresh()), 2)
		}
		return m.change(opMatrixMulAdd, func(in []uint32) [][]uint32 {
			return [][]uint32{instruction(opMatrixMulAdd, in[1], in[2], in[3], in[4], zeros[in[1]])}
		})
	}, allProducts, ""},
	{"the first factor is transposed", matrixCodes, func(m *spirv) int { return m.transposeLoads(0) }, allProducts, ""},
	{"the second factor is transposed", matrixCodes, func(m *spirv) int { return m.transposeLoads(1) }, allProducts, ""},
	{"the result is transposed", matrixCodes, func(m *spirv) int {
		other := m.otherLayouts(opMatrixStore, 3)
		return m.change(opMatrixStore, func(in []uint32) [][]uint32 {
			in[3] = other[in[3]]
			return [][]uint32{in}
		})
	}, allProducts, ""},
	{"sums are kept in float16", matrixCodes, func(m *spirv) int {
		half := m.kind(opTypeFloat, 16)
		narrow := map[uint32]uint32{}
		for _, in := range m.list {
			if codeOf(in) == opMatrixMulAdd {
				narrow[in[1]] = 0
			}
		}
		for kind := range narrow {
			d := m.definition(kind)
			narrow[kind] = m.declare(instruction(opTypeMatrix, m.fresh(), half, d[3], d[4], d[5], d[6]), 1)
		}
		return m.change(opMatrixMulAdd, func(in []uint32) [][]uint32 {
			before, after, kind := m.fresh(), m.fresh(), narrow[in[1]]
			return [][]uint32{
				instruction(opFConvert, kind, before, in[5]), instruction(opMatrixMulAdd, kind, after, in[3], in[4], before),
				instruction(opFConvert, in[1], in[2], after),
			}
		})
	}, productOps, ""},
	{"factors beyond float16 become its largest number", matrixCodes, func(m *spirv) int {
		var set uint32
		for _, in := range m.list {
			if codeOf(in) == opExtInstImport {
				set = in[1]
			}
		}
		float, half := m.kind(opTypeFloat, 32), m.kind(opTypeFloat, 16)
		type ends struct{ kind, low, high uint32 }
		limits := map[uint32]ends{} // by the number of elements
		for _, n := range []uint32{2, 4} {
			kind := m.kind(opTypeVector, float, n)
			if kind == 0 {
				continue
			}
			e := ends{kind: kind}
			for value, id := range map[float32]*uint32{-65504: &e.low, 65504: &e.high} {
				operands := []uint32{kind, m.fresh()}
				c := m.constant(float, math.Float32bits(value))
				for range n {
					operands = append(operands, c)
				}
				*id = m.declare(instruction(opConstantComposite, operands...), 2)
			}
			limits[n] = e
		}
		return m.change(opFConvert, func(in []uint32) [][]uint32 {
			to := m.definition(in[1])
			if codeOf(to) != opTypeVector || to[2] != half {
				return nil
			}
			e, within := limits[to[3]], m.fresh()
			const clamp = 43
			return [][]uint32{instruction(opExtInst, e.kind, within, set, clamp, in[3], e.low, e.high), instruction(opFConvert, in[1], in[2], within)}
		})
	}, allProducts, ""},
	// Attention then has subgroups too many, and linear_weight_grad with larger ones does its work twice: both are right.
	{"subgroups are smaller than a kernel counts on", matrixCodes[:1], func(m *spirv) int { return m.tellSubgroup(16) }, productOps, ""},
	{"subgroups are larger than a kernel counts on", matrixCodes, func(m *spirv) int { return m.tellSubgroup(4) }, append(attentions[:2:2], productOps[:2]...), ""},
	{"every subgroup is the first", matrixCodes, func(m *spirv) int {
		kind := m.kind(opTypeInt, 32, 0)
		zero := m.constant(kind, 0)
		return m.change(opLoad, func(in []uint32) [][]uint32 {
			if in[3] != m.names["gl_SubgroupID"] {
				return nil
			}
			return [][]uint32{instruction(opCopyObject, kind, in[2], zero)}
		})
	}, allProducts, ""},
	{"queries see keys after them", matrixCodes[1:], func(m *spirv) int { return m.alwaysTrue(opULessThanEqual) }, attentions, ""},
	{"queries see other documents", matrixCodes[1:], func(m *spirv) int { return m.alwaysTrue(opUGreaterThanEqual) }, attentions, ""},
	{"a weight decoded once lacks what is added in it", []string{"dequantise"}, dropTerms, []program.Op{program.OpLinear}, "decoded once"},
	{"parts of a sum are not added up", []string{"product_sum"}, dropTerms, productOps[:2], "in parts"},
}

// plainFaults are those of kernels without matrix units.
var plainFaults = []fault{
	{"sums lose a term", []string{"product", "attention"}, dropTerms, allProducts, ""},
	{"queries see keys after them", []string{"attention"}, func(m *spirv) int { return m.alwaysTrue(opULessThanEqual) }, attentions, ""},
	{"queries see other documents", []string{"attention"}, func(m *spirv) int { return m.alwaysTrue(opUGreaterThanEqual) }, attentions, ""},
}

// dropTerms makes of every sum its second term.
func dropTerms(m *spirv) int {
	return m.change(opFAdd, func(in []uint32) [][]uint32 {
		return [][]uint32{instruction(opCopyObject, in[1], in[2], in[4])}
	})
}

// transposeLoads reads the matrices of a use by columns instead of rows, or the reverse.
func (m *spirv) transposeLoads(use uint32) int {
	other := m.otherLayouts(opMatrixLoad, 4)
	return m.change(opMatrixLoad, func(in []uint32) [][]uint32 {
		kind := m.definition(in[1])
		if m.definition(kind[6])[3] != use {
			return nil
		}
		in[4] = other[in[4]]
		return [][]uint32{in}
	})
}

// otherLayouts maps a constant that is 0 to one that is 1 and back, for those that instructions have at some operand.
func (m *spirv) otherLayouts(code uint32, at int) map[uint32]uint32 {
	var layouts []uint32
	for _, in := range m.list {
		if codeOf(in) == code {
			layouts = append(layouts, in[at])
		}
	}
	other := map[uint32]uint32{}
	for _, id := range layouts {
		d := m.definition(id)
		other[id] = m.constant(d[1], 1-d[3])
	}
	return other
}

// tellSubgroup makes a kernel count on subgroups of another size than lavapipe's 8.
func (m *spirv) tellSubgroup(size uint32) int {
	const specID = 1
	for _, in := range m.list {
		if codeOf(in) == opSpecConstant && in[2] == m.names["SUBGROUP"] {
			in[3] = size
		}
	}
	return m.change(opDecorate, func(in []uint32) [][]uint32 {
		if in[1] != m.names["SUBGROUP"] || in[2] != specID {
			return nil
		}
		return [][]uint32{}
	})
}

// alwaysTrue makes comparisons of a key's number true.
func (m *spirv) alwaysTrue(code uint32) int {
	return m.change(code, func(in []uint32) [][]uint32 {
		if d := m.definition(in[3]); d == nil || codeOf(d) != opLoad || d[3] != m.names["key"] {
			return nil
		}
		return [][]uint32{instruction(opIEqual, in[1], in[2], in[3], in[3])}
	})
}

// What computes right passes the probe, in every type. Bfloat16 may be computed in float32, of what is held in bfloat16.
func TestProbePasses(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	b.device.matrices = onAll
	for _, compute := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		if _, ok := unitFor(&b.device.Info, compute); !ok && compute == dtype.F16 {
			t.Logf("no matrix unit for %s: nothing was run", compute)
			continue
		}
		if err := b.probe(compute); err != nil {
			t.Errorf("%s: %v", compute, err)
		}
	}
}

// A wrong kernel does not pass the probe, whichever instruction's it is: without these the probe proves nothing.
func TestProbeFindsFaults(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	b.device.matrices = onAll
	for compute, faults := range map[dtype.DType][]fault{dtype.F32: plainFaults, dtype.F16: matrixFaults} {
		if _, ok := unitFor(&b.device.Info, compute); !ok && compute != dtype.F32 {
			t.Logf("no matrix unit for %s: nothing was run", compute)
			continue
		}
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				use, changed := f.on(t)
				b.device.code = use
				defer func() { b.device.code = shaders.SPIRV; b.forget(f) }()
				b.forget(f)
				found := map[program.Op]error{}
				for _, p := range b.failures(t, f.proofs(compute)) {
					found[p.op] = errors.Join(found[p.op], p.err)
				}
				if len(changed) == 0 {
					t.Fatal("no kernel was changed")
				}
				for _, op := range f.by {
					if found[op] == nil {
						t.Errorf("%s is not found wrong", op)
					}
				}
				t.Logf("%v: %v", changed, found)
			})
		}
	}
}

// on gives kernels with the fault, and which they were.
func (f *fault) on(t *testing.T) (code func(string) ([]byte, error), changed map[string]int) {
	changed = map[string]int{}
	var mu sync.Mutex // kernels are compiled at once
	return func(shader string) ([]byte, error) {
		right, err := shaders.SPIRV(shader)
		if err != nil || !f.concerns(shader) {
			return right, err
		}
		m := parseSPIRV(right)
		if n := f.inject(m); n > 0 {
			mu.Lock()
			changed[shader] = n
			mu.Unlock()
		}
		return m.bytes(), nil
	}, changed
}

func (f *fault) concerns(shader string) bool {
	for _, s := range f.shaders {
		if strings.HasPrefix(shader, s) {
			return true
		}
	}
	return false
}

// forget lets kernels of a fault be compiled anew.
func (b *Backend) forget(f fault) {
	for key, p := range b.device.pipelines {
		if f.concerns(key) {
			b.device.FreePipeline(p)
			delete(b.device.pipelines, key)
		}
	}
}

type failure struct {
	op  program.Op
	err error
}

// proofs are one of each instruction, and all of attention with heads of 64: a processor takes seconds to compile each kernel.
func (f *fault) proofs(compute dtype.DType) (list []*proof) {
	seen := map[program.Op]bool{}
	for _, p := range proofs(compute) {
		switch {
		case f.among != "" && strings.HasSuffix(p.name, f.among), f.among == "" && (!seen[p.op] || p.attr.HeadDim == 64):
			list, seen[p.op] = append(list, p), true
		}
	}
	return list
}

// failures are the proofs that fail.
func (b *Backend) failures(t *testing.T, all []*proof) []failure {
	t.Helper()
	e, results, err := b.runProofs(all)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var list []failure
	for i, p := range all {
		if err := p.check(e, results[i]); err != nil {
			list = append(list, failure{p.op, err})
		}
	}
	return list
}
