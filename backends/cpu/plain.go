//go:build !cgo

package cpu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// lacking is what this build lacks, for Describe.
const lacking = "plain Go: built without a C compiler"

// ISAs has one name: the Go compiler's own choice of instructions.
func ISAs() []string { return []string{"Go"} }

// machine interprets instructions in Go.
type machine struct {
	threads int
	entries [][]step
}

// operand is a matrix in memory, row by row: f and i are its 32-bit elements,
// packed its bytes where it has others. None is set where it is absent.
type operand struct {
	f          []float32
	i          []int32
	packed     []byte
	dtype      dtype.DType
	rows, cols int
}

// floats is a weight of any type as floats.
func (t *turn) floats(m operand) operand {
	if m.packed == nil {
		return m
	}
	y := operand{f: make([]float32, m.rows*m.cols), rows: m.rows, cols: m.cols}
	if m.dtype.InBlocks() {
		dtype.ToFloat32(y.f, m.packed, m.dtype)
		return y
	}
	t.rows(m.rows, func(r int) { m.decode(r, y.row(r)) })
	return y
}

// decode writes a row as floats. The sizes agree, since Check passed.
func (m operand) decode(r int, to []float32) {
	if m.packed == nil {
		copy(to, m.row(r))
		return
	}
	row := int(m.dtype.Bytes(1, m.cols))
	dtype.ToFloat32(to, m.packed[r*row:][:row], m.dtype)
}

func (m operand) row(r int) []float32 { return m.f[r*m.cols:][:m.cols] }

// step is one instruction with its memory.
type step struct {
	op      program.Op
	in, out []operand
	*program.Attr
}

// turn is a step in a run.
type turn struct {
	step
	s       *program.Scalars
	threads int
}

func newMachine(threads int, _ string) (*machine, error) { return &machine{threads: threads}, nil }

// alloc takes float32s so that the memory is aligned for them.
func (m *machine) alloc(bytes int64) ([]byte, error) {
	if bytes == 0 {
		return nil, nil
	}
	floats := make([]float32, (bytes+3)/4)
	return unsafe.Slice((*byte)(unsafe.Pointer(&floats[0])), bytes), nil
}

// peak is not known of plain Go.
func (m *machine) peak(bool, float64) float64 { return 0 }

func (m *machine) free([]byte) {}
func (m *machine) close()      { m.entries = nil }

func (m *machine) compile(entries [][]instr, blocks [][]byte) error {
	view := func(list []matrix) []operand {
		all := make([]operand, len(list))
		for i, x := range list {
			if x.rows > 0 {
				p := unsafe.Pointer(&blocks[x.block][x.offset])
				n := x.rows * x.cols
				all[i] = operand{dtype: x.dtype, rows: x.rows, cols: x.cols}
				if x.dtype != dtype.F32 && x.dtype != dtype.I32 {
					all[i].packed = unsafe.Slice((*byte)(p), x.dtype.Bytes(x.rows, x.cols))
					continue
				}
				all[i].f, all[i].i = unsafe.Slice((*float32)(p), n), unsafe.Slice((*int32)(p), n)
			}
		}
		return all
	}
	for _, list := range entries {
		var steps []step
		for i := range list {
			if int(list[i].op) >= len(plainOps) || plainOps[list[i].op] == nil {
				return fmt.Errorf("plain Go has no instruction %s", list[i].op)
			}
			steps = append(steps, step{list[i].op, view(list[i].in), view(list[i].out), list[i].attr})
		}
		m.entries = append(m.entries, steps)
	}
	return nil
}

func (m *machine) run(entry int, s *program.Scalars, seconds []float64) error {
	for i, st := range m.entries[entry] {
		from := time.Now()
		plainOps[st.op](&turn{st, s, m.threads})
		if seconds != nil {
			seconds[i] += time.Since(from).Seconds()
		}
	}
	return nil
}

var plainOps = []func(*turn){
	program.OpEmbed:             (*turn).embed,
	program.OpEmbedGrad:         (*turn).embedGrad,
	program.OpRMSNorm:           (*turn).rmsNorm,
	program.OpRMSNormGrad:       (*turn).rmsNormGrad,
	program.OpRMSNormWeightGrad: (*turn).rmsNormWeightGrad,
	program.OpLinear:            (*turn).linear,
	program.OpLinearGrad:        (*turn).linearGrad,
	program.OpLinearWeightGrad:  (*turn).linearWeightGrad,
	program.OpBiasGrad:          (*turn).biasGrad,
	program.OpRoPE:              (*turn).rope,
	program.OpAttention:         (*turn).attention,
	program.OpAttentionGrad:     (*turn).attentionGrad,
	program.OpCacheAppend:       (*turn).cacheAppend,
	program.OpAttentionCached:   (*turn).attentionCached,
	program.OpGated:             (*turn).gated,
	program.OpGatedGrad:         (*turn).gatedGrad,
	program.OpAdd:               (*turn).add,
	program.OpCopy:              (*turn).copy,
	program.OpZero:              (*turn).zero,
	program.OpCrossEntropy:      (*turn).crossEntropy,
	program.OpGradNorm:          (*turn).gradNorm,
	program.OpAdamW:             (*turn).adamW,
	program.OpAdamW8:            (*turn).adamW8,
	program.OpSGD:               (*turn).sgd,
	program.OpNoise:             (*turn).noise,
	program.OpDrop:              (*turn).drop,
	program.OpWeightNorm:        (*turn).weightNorm,
	program.OpMagnitude:         (*turn).magnitude,
	program.OpMagnitudeGrad:     (*turn).magnitudeGrad,
}

// parallel runs tasks 0 … n-1 on all threads and returns when they are done.
func (t *turn) parallel(n int, task func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			task(i)
		}
	}
	var others sync.WaitGroup
	for range min(t.threads, n) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// spans divides 0 … n into tasks of at most size.
func (t *turn) spans(n, size int, task func(from, to int)) {
	t.parallel((n+size-1)/size, func(i int) { task(i*size, min((i+1)*size, n)) })
}

const rowsOfTask = 16

func (t *turn) rows(n int, row func(r int)) {
	t.spans(n, rowsOfTask, func(from, to int) {
		for r := from; r < to; r++ {
			row(r)
		}
	})
}
