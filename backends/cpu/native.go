//go:build cgo

package cpu

/*
#cgo CFLAGS: -std=gnu11 -O3 -Wno-psabi
#cgo LDFLAGS: -lm -lpthread
#include <stdlib.h>
#include "engine.h"

static void le_set(le_mat *m, void *base, int64_t offset, int64_t rows, int64_t cols, int32_t dtype) {
	m->p = (float *)((char *)base + offset);
	m->rows = rows;
	m->cols = cols;
	m->dtype = dtype;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// lacking is what this build lacks, for Describe.
const lacking = ""

// ISAs are the instruction sets that kernels exist for and this processor
// has, best first.
func ISAs() []string {
	var names []string
	for i := 0; ; i++ {
		name := C.le_isa_name(C.int(i))
		if name == nil {
			return names
		}
		names = append(names, C.GoString(name))
	}
}

// machine is the C engine with the lists of instructions it runs. Everything
// that C sees lies in C's memory.
type machine struct {
	engine *C.le_engine
	lists  []list
	owned  []unsafe.Pointer
}

// list is an entry: count instructions from first on.
type list struct {
	first *C.le_instr
	count int
}

func newMachine(threads int, isa string) (*machine, error) {
	name := C.CString(isa)
	defer C.free(unsafe.Pointer(name))
	e := C.le_engine_new(C.int(threads), name, (*C.float)(&dtype.NormalFloat[0]), (*C.float)(&dtype.Dynamic[0]))
	if e == nil {
		return nil, fmt.Errorf("cannot start %d threads: out of memory", threads)
	}
	return &machine{engine: e}, nil
}

func (m *machine) alloc(bytes int64) ([]byte, error) {
	if bytes == 0 {
		return nil, nil
	}
	p := C.le_alloc(C.int64_t(bytes))
	if p == nil {
		return nil, fmt.Errorf("cannot allocate %d bytes: out of memory", bytes)
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

func (m *machine) free(block []byte) {
	if len(block) > 0 {
		C.le_free(unsafe.Pointer(&block[0]))
	}
}

func (m *machine) close() {
	C.le_engine_free(m.engine)
	for _, p := range m.owned {
		C.free(p)
	}
}

var errNoMemory = errors.New("out of memory")

// array is zeroed memory of C for n elements, freed by close.
func array[T any](m *machine, n int) ([]T, error) {
	var zero T
	p := C.calloc(C.size_t(max(n, 1)), C.size_t(unsafe.Sizeof(zero)))
	if p == nil {
		return nil, errNoMemory
	}
	m.owned = append(m.owned, p)
	return unsafe.Slice((*T)(p), n), nil
}

func (m *machine) compile(entries [][]instr, blocks [][]byte) error {
	if n := len(program.Ops()); n != C.LE_OP_COUNT {
		return fmt.Errorf("the C kernels know %d instructions, the program format has %d", int(C.LE_OP_COUNT), n)
	}
	for _, e := range entries {
		to, err := array[C.le_instr](m, len(e))
		if err != nil {
			return err
		}
		for i := range e {
			if err := m.lower(&to[i], &e[i], blocks); err != nil {
				return err
			}
		}
		C.le_prepare(unsafe.SliceData(to), C.int64_t(len(to)))
		m.lists = append(m.lists, list{unsafe.SliceData(to), len(e)})
	}
	return nil
}

var activations = map[string]C.int32_t{"silu": C.LE_SILU, "gelu": C.LE_GELU, "gelu_tanh": C.LE_GELU_TANH}

// dtypes are those that kernels know; other operands are I32.
var dtypes = map[dtype.DType]C.int32_t{
	dtype.F32: C.LE_F32, dtype.BF16: C.LE_BF16, dtype.F16: C.LE_F16, dtype.NF4: C.LE_NF4, dtype.NF4Double: C.LE_NF4_DOUBLE,
}

// lower writes an instruction as C reads it.
func (m *machine) lower(to *C.le_instr, in *instr, blocks [][]byte) error {
	place := func(to []C.le_mat, from []matrix) {
		for i, x := range from {
			if x.rows > 0 {
				C.le_set(&to[i], unsafe.Pointer(unsafe.SliceData(blocks[x.block])), C.int64_t(x.offset), C.int64_t(x.rows), C.int64_t(x.cols), dtypes[x.dtype])
			}
		}
	}
	place(to.in[:], in.in)
	place(to.out[:], in.out)
	a := in.attr
	to.op, to.compute = C.int32_t(in.op), dtypes[a.Compute]
	to.scale, to.eps, to.offset, to.soft_cap = C.float(a.Scale), C.float(a.Eps), C.float(a.Offset), C.float(a.SoftCap)
	to.accumulate, to.adapter, to.interleaved = flag(a.Accumulate), flag(a.Adapter), flag(a.Interleaved)
	to.inverse, to.gradient, to.activation = flag(a.Inverse), flag(a.Gradient), activations[a.Activation]
	to.heads, to.kv_heads, to.head_dim, to.window = C.int64_t(a.Heads), C.int64_t(a.KVHeads), C.int64_t(a.HeadDim), C.int64_t(a.Window)
	to.drop, to.drop_threshold, to.module = C.float(a.Dropout.P), C.uint32_t(program.Threshold(a.Dropout.P)), C.uint32_t(a.Dropout.Module)
	ranges, err := array[C.le_range](m, len(a.Ranges))
	if err != nil {
		return err
	}
	for i, r := range a.Ranges {
		ranges[i] = C.le_range{C.int64_t(r.Offset), C.int64_t(r.Len), C.float(r.Decay), C.float(r.Rate)}
	}
	to.ranges, to.range_count = unsafe.SliceData(ranges), C.int64_t(len(ranges))
	return nil
}

func flag(b bool) C.int32_t {
	if b {
		return 1
	}
	return 0
}

// run is one call into C; seconds, one an instruction, is nil where nobody asks.
func (m *machine) run(entry int, s *program.Scalars, seconds []float64) error {
	c := C.le_scalars{
		seed: C.uint64_t(s.Seed), dropout_step: C.uint32_t(s.DropoutStep), training: flag(s.Training),
		adapter: C.float(s.Adapter), loss_factor: C.float(s.LossFactor()), unscale: C.float(s.Unscale()),
		learning_rate: C.float(s.LearningRate), beta1: C.float(s.Beta1), beta2: C.float(s.Beta2),
		epsilon: C.float(s.Epsilon), weight_decay: C.float(s.WeightDecay), max_norm: C.float(s.MaxNorm),
		past: C.int64_t(s.Past), tokens: C.int64_t(s.Tokens),
	}
	l := m.lists[entry]
	if C.le_run(m.engine, l.first, C.int64_t(l.count), &c, (*C.double)(unsafe.SliceData(seconds))) != 0 {
		return errNoMemory
	}
	return nil
}

// peak measures GFLOP/s of multiply-adds in registers on all threads, of bf16
// where it is asked for and there is an instruction for it.
func (m *machine) peak(bf16 bool, seconds float64) float64 {
	return float64(C.le_peak(m.engine, C.int(flag(bf16)), C.double(seconds)))
}
