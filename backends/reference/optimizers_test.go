package reference_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// testdata/optimizers.py made it with torch and bitsandbytes.
//
//go:embed testdata/optimizers.json
var optimizersJSON []byte

type optimized struct {
	Params  []float64
	M, V    []int
	MScales []float64 `json:"m_scales"`
	VScales []float64 `json:"v_scales"`
}

// every is which elements the goldens keep.
const every = 13

func optimizerGolden(t *testing.T, name string) optimized {
	t.Helper()
	var all map[string]optimized
	if err := json.Unmarshal(optimizersJSON, &all); err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// optimize runs 20 updates of a program whose entry has the buffers params and
// grads first. Gradients are as optimizers.py says, k = i/by.
func optimize(t *testing.T, p *program.Program, n, by int, s program.Scalars, fill func(*reference.Executable[float64])) *reference.Executable[float64] {
	t.Helper()
	e, err := reference.New[float64]().Load(p)
	if err != nil {
		t.Fatal(err)
	}
	params, grads := e.Values(0), e.Values(1)
	for i := range n {
		params[i] = float64(float32(math.Cos(0.37 * float64(i))))
	}
	if fill != nil {
		fill(e)
	}
	for step := range 20 {
		for i := range n {
			grads[i] = float64(float32(math.Sin(0.7*float64(i)+1.3*float64(step)) * math.Pow(10, -float64(i/by%7)/2)))
		}
		if err := e.Run(0, &s); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// changeError is the distance of parameters from the golden, over the change
// that all updates made.
func changeError(e *reference.Executable[float64], want []float64) float64 {
	var wrong, change float64
	for k, w := range want {
		i := k * every
		d, c := e.Values(0)[i]-w, w-math.Cos(0.37*float64(i))
		wrong, change = wrong+d*d, change+c*c
	}
	return math.Sqrt(wrong / change)
}

func TestSGDAsTorch(t *testing.T) {
	const n = 300
	for _, c := range []struct {
		name            string
		momentum, decay float32
	}{{"sgd", 0, 0}, {"sgd_momentum", 0.9, 0}, {"sgd_decay", 0.9, 0.1}} {
		b := &bt.Builder{}
		params, grads := b.Param("params", dtype.F32, 1, n), b.Param("grads", dtype.F32, 1, n)
		attr := program.Attr{Ranges: []program.Range{{Name: "a", Len: n, Decay: 1, Rate: 1}}}
		b.Emit(program.OpSGD, attr, bt.In(grads), params, b.Param("m", dtype.F32, 1, n), b.Param("optimizer", dtype.F32, 1, 4))
		e := optimize(t, b.Program(), n, 1, program.Scalars{LearningRate: 1e-2, Beta1: c.momentum, WeightDecay: c.decay}, nil)
		if d := changeError(e, optimizerGolden(t, c.name).Params); !(d < 1e-4) {
			t.Errorf("%s: parameters differ from torch's float32 ones by %.2g of their change", c.name, d)
		}
	}
}

// adamW8 runs AdamW8 on 5,000 elements. An AdamW without ranges counts the updates.
func adamW8(t *testing.T, by int) (e *reference.Executable[float64], m, v, scales program.Operand) {
	t.Helper()
	const n, padded = 5000, 5120
	b := &bt.Builder{}
	params, grads := b.Param("params", dtype.F32, 1, padded), b.Param("grads", dtype.F32, 1, padded)
	optimizer := b.Param("optimizer", dtype.F32, 1, 4)
	signed, unsigned := b.Param("signed", dtype.F32, 1, 256), b.Param("unsigned", dtype.F32, 1, 256)
	m, v, scales = b.Param("m", dtype.I32, 1, padded/4), b.Param("v", dtype.I32, 1, padded/4), b.Param("scales", dtype.F32, 2, padded/256)
	none, none2 := b.Param("none", dtype.F32, 1, padded), b.Param("none2", dtype.F32, 1, padded)
	b.Emit(program.OpAdamW, program.Attr{}, bt.In(grads), params, none, none2, optimizer)
	attr := program.Attr{Ranges: []program.Range{{Name: "a", Len: n, Decay: 1, Rate: 1}}}
	b.Emit(program.OpAdamW8, attr, bt.In(grads, signed, unsigned, optimizer), params, m, v, scales)
	s := program.Scalars{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.05}
	e = optimize(t, b.Program(), n, by, s, func(e *reference.Executable[float64]) {
		for i := range 256 {
			e.Values(program.BufferID(signed.Slot))[i] = float64(dtype.Dynamic[i])
			e.Values(program.BufferID(unsigned.Slot))[i] = float64(dtype.DynamicUnsigned[i])
		}
	})
	return e, m, v, scales
}

func TestAdamW8AsThePaper(t *testing.T) {
	e, m, v, scales := adamW8(t, 1)
	want := optimizerGolden(t, "adamw_8bit")
	if d := changeError(e, want.Params); !(d < 1e-6) {
		t.Errorf("parameters differ by %.2g of their change", d)
	}
	for row, x := range []struct {
		name   string
		codes  program.Operand
		want   []int
		scales []float64
	}{{"m", m, want.M, want.MScales}, {"v", v, want.V, want.VScales}} {
		words := make([]int32, 5120/4)
		if err := bt.ReadInts(e, x.codes, words); err != nil {
			t.Fatal(err)
		}
		for k, code := range x.want {
			i := k * every
			if got := int(uint32(words[i/4]) >> (8 * (i % 4)) & 0xff); got != code {
				t.Errorf("%s: code of element %d is %d, wanted %d", x.name, i, got, code)
			}
		}
		for block, scale := range x.scales {
			if got := e.Values(program.BufferID(scales.Slot))[row*5120/256+block]; math.Abs(got-scale) > 1e-6*scale {
				t.Errorf("%s: scale of block %d is %v, wanted %v", x.name, block, got, scale)
			}
		}
	}
}

// bitsandbytes' CPU kernels look codes up in a table of 65,536 entries, so
// that small moments get other codes than the nearest.
func TestAdamW8AsBitsandbytes(t *testing.T) {
	e, _, _, _ := adamW8(t, 256)
	if d := changeError(e, optimizerGolden(t, "bitsandbytes").Params); !(d < 1e-3) {
		t.Errorf("parameters differ from bitsandbytes' by %.2g of their change", d)
	}
}
