package backendtest

import (
	"math"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// A model of one layer: embedding, norm, two attention heads with RoPE and an
// adapter on their input, residual, gated product, head; all of it trained by
// AdamW except the embedding.
const (
	tokens, vocab, width, heads, headDim, rank = 21, 37, 24, 2, 12, 4
)

// layer is the training step of the model as one program.
type layer struct {
	*Builder
	params, grads, m, v, optimizer, logp program.Operand
	ints                                 map[int][]int32
	floats                               map[int][]float32
	ranges                               []program.Range
	total                                int
}

// steps trains the layer for a few steps in blocks of several sizes, with
// locals that lie over one another, and compares log-probabilities,
// parameters and moments with the reference.
func steps(t *testing.T, backend backends.Backend, same map[string]backends.Backend, unit float64) {
	for name, block := range map[string]int64{"block_a_buffer": 0, "odd_blocks": 5000, "one_block": 1 << 24} {
		t.Run(name, func(t *testing.T) {
			got := train(t, backend, block)
			want := train(t, reference.New[float64](), block)
			for i := range want {
				var wrong, size float64
				for n := range want[i] {
					d := float64(got[i][n] - want[i][n])
					wrong += d * d
					size += float64(want[i][n]) * float64(want[i][n])
				}
				if e := math.Sqrt(wrong / size); !(e < 1000*unit) {
					t.Errorf("step %d: %s differ by %.2g of their norm", i/len(stepResults), stepResults[i%len(stepResults)], e)
				}
			}
			for name, other := range same {
				for i, x := range train(t, other, block) {
					if n := firstDifference(got[i], x); n >= 0 {
						t.Errorf("step %d: %s, element %d: %v, and %v with %s", i/len(stepResults), stepResults[i%len(stepResults)], n, got[i][n], x[n], name)
					}
				}
			}
		})
	}
}

var stepResults = []string{"log-probabilities", "parameters", "first moments", "second moments"}

// train returns stepResults of each of four steps.
func train(t *testing.T, backend backends.Backend, block int64) [][]float32 {
	t.Helper()
	l := newLayer(block)
	e, err := backend.Compile(l.Program())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for slot, x := range l.ints {
		if err := WriteInts(e, program.Operand{Slot: slot}, x); err != nil {
			t.Fatal(err)
		}
	}
	for slot, x := range l.floats {
		if err := WriteFloats(e, program.Operand{Slot: slot}, x); err != nil {
			t.Fatal(err)
		}
	}
	var results [][]float32
	for step := range 4 {
		s := scalars()
		s.DropoutStep, s.InvN = uint32(step), 1.0/tokens
		s.LearningRate, s.Beta1, s.Beta2, s.Epsilon, s.WeightDecay, s.MaxNorm = 1e-2, 0.9, 0.999, 1e-3, 0.01, 1
		if err := e.Run(0, &s); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		for _, o := range []program.Operand{l.logp, l.params, l.m, l.v} {
			x := make([]float32, tokens)
			if o != l.logp {
				x = make([]float32, l.total)
			}
			if err := ReadFloats(e, o, x); err != nil {
				t.Fatal(err)
			}
			results = append(results, x)
		}
	}
	return results
}

// trained are the views of one trained matrix in both regions.
type trained struct{ w, grad program.Operand }

func newLayer(block int64) *layer {
	l := &layer{Builder: &Builder{BlockSize: block}, ints: map[int][]int32{}, floats: map[int][]float32{}}
	shapes := [][2]int{{1, width}, {rank, width}, {3 * width, rank}, {3 * width, width}, {width, width}, {vocab, width}}
	for _, s := range shapes {
		n := s[0] * s[1]
		l.ranges = append(l.ranges, program.Range{Offset: int64(l.total), Len: int64(n), Decay: 1, Rate: 1})
		l.total += (n + 255) / 256 * 256
	}
	region := func(name string) program.Operand { return l.Param(name, dtype.F32, 1, l.total) }
	l.params, l.grads, l.m, l.v = region("params"), region("grads"), region("m"), region("v")
	l.optimizer = l.Param("optimizer", dtype.F32, 1, 4)
	initial := make([]float32, l.total)
	src := NewSource(11)
	for _, r := range l.ranges {
		copy(initial[r.Offset:r.Offset+r.Len], src.Normal(int(r.Len), 0.3))
	}
	l.floats[l.params.Slot] = initial
	var all []trained
	for i, s := range shapes {
		all = append(all, trained{l.view(l.params, i, s), l.view(l.grads, i, s)})
	}
	l.emitStep(src, all)
	return l
}

// view is a parameter that lies over a range of a region.
func (l *layer) view(region program.Operand, i int, shape [2]int) program.Operand {
	at := l.buffers[region.Slot].Place
	at.Offset += 4 * l.ranges[i].Offset
	l.buffers = append(l.buffers, program.Buffer{Name: "view", DType: dtype.F32, Rows: shape[0], Cols: shape[1], Place: at})
	return program.Operand{Slot: len(l.buffers) - 1, Rows: shape[0]}
}

func (l *layer) integers(name string, x []int32) program.Operand {
	o := l.Param(name, dtype.I32, len(x), 1)
	l.ints[o.Slot] = x
	return o
}

func (l *layer) constant(name string, rows, cols int, x []float32) program.Operand {
	o := l.Param(name, dtype.F32, rows, cols)
	l.floats[o.Slot] = x
	return o
}
