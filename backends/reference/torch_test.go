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

//go:embed testdata/torch_ops.json
var torchJSON []byte

// torch are the inputs and outputs of one case of testdata/torch_ops.py.
type torch struct{ In, Out [][]float64 }

func goldens(t *testing.T) map[string]torch {
	t.Helper()
	var all map[string]torch
	if err := json.Unmarshal(torchJSON, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Forward instructions give what PyTorch gives in float64.
func TestForwardAgainstTorch(t *testing.T) {
	golden := goldens(t)
	attention := program.Attr{Heads: 4, KVHeads: 2, HeadDim: 6}
	capped, plain := attention, attention
	capped.Scale, capped.Window, capped.SoftCap = 0.5, 2, 1.5
	plain.Scale = float32(1 / math.Sqrt(6))
	for _, c := range []struct {
		name string
		op   program.Op
		attr program.Attr
		in   [][2]int
		ints [][]int32
		out  [][2]int
		// tolerance is larger where torch has a constant in float64 that here is a float32.
		tolerance float64
	}{
		{"silu", program.OpGated, program.Attr{Activation: "silu"}, [][2]int{{2, 5}, {2, 5}}, nil, [][2]int{{2, 5}}, 1e-14},
		{"gelu", program.OpGated, program.Attr{Activation: "gelu"}, [][2]int{{2, 5}, {2, 5}}, nil, [][2]int{{2, 5}}, 1e-14},
		{"gelu_tanh", program.OpGated, program.Attr{Activation: "gelu_tanh"}, [][2]int{{2, 5}, {2, 5}}, nil, [][2]int{{2, 5}}, 1e-14},
		{"rms_norm", program.OpRMSNorm, program.Attr{Eps: 1e-2}, [][2]int{{3, 8}, {1, 8}}, nil, [][2]int{{3, 8}, {3, 1}}, 1e-8},
		{
			"attention", program.OpAttention, capped, [][2]int{{7, 24}, {7, 12}, {7, 12}},
			[][]int32{{0, 0, 0, 3, 3, 3, 3}, {2, 2, 2, 6, 6, 6, 6}}, [][2]int{{7, 24}, {7, 4}}, 1e-14,
		},
		{
			"attention_plain", program.OpAttention, plain, [][2]int{{7, 24}, {7, 12}, {7, 12}},
			[][]int32{{0, 0, 0, 0, 0, 0, 0}, {6, 6, 6, 6, 6, 6, 6}}, [][2]int{{7, 24}, {7, 4}}, 1e-7,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &problem{ints: map[program.BufferID][]int32{}}
			values := map[program.BufferID][]float64{}
			var in, out []program.Operand
			for i, shape := range c.in {
				in = append(in, p.floats("in", shape[0], shape[1]))
				values[program.BufferID(i)] = golden[c.name].In[i]
			}
			for _, x := range c.ints {
				in = append(in, p.integers("ints", x...))
			}
			for _, shape := range c.out {
				out = append(out, p.floats("out", shape[0], shape[1]))
			}
			p.Emit(c.op, c.attr, in, out...)
			e := p.runOnce(t, values)
			for i, want := range golden[c.name].Out {
				closeTo(t, "output", e.Values(program.BufferID(out[i].Slot)), want, c.tolerance)
			}
		})
	}
}

func TestRoPEAgainstTorch(t *testing.T) {
	for name, interleaved := range map[string]bool{"rope_half": false, "rope_interleaved": true} {
		golden := goldens(t)[name]
		p := &problem{ints: map[program.BufferID][]int32{}}
		x, positions, freq, y := p.floats("x", 3, 12), p.integers("positions", 0, 3, 70), p.floats("invFreq", 1, 2), p.floats("y", 3, 12)
		p.Emit(program.OpRoPE, program.Attr{Heads: 2, HeadDim: 6, Scale: 1, Interleaved: interleaved}, bt.In(x, positions, freq), y)
		e := p.runOnce(t, map[program.BufferID][]float64{
			program.BufferID(x.Slot): golden.In[0], program.BufferID(freq.Slot): golden.In[1],
		})
		closeTo(t, name, e.Values(program.BufferID(y.Slot)), golden.Out[0], 1e-14)
	}
}

func (p *problem) runOnce(t *testing.T, values map[program.BufferID][]float64) *reference.Executable[float64] {
	t.Helper()
	e, err := reference.New[float64]().Load(p.Program())
	if err != nil {
		t.Fatal(err)
	}
	p.fill(t, e, values)
	if err := e.Run(0, &p.scalars); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCrossEntropyAgainstTorch(t *testing.T) {
	golden := goldens(t)["cross_entropy"]
	p := &problem{ints: map[program.BufferID][]int32{}}
	p.scalars.InvN = 0.25
	targets, weights := p.integers("targets", 3, -1, 0, 8), p.floats("weights", 4, 1)
	logits, logp := p.floats("logits", 4, 9), p.floats("logp", 4, 1)
	p.Emit(program.OpCrossEntropy, program.Attr{Gradient: true}, bt.In(targets, weights), logits, logp)
	e := p.runOnce(t, map[program.BufferID][]float64{
		program.BufferID(weights.Slot): {1, 1, 1, 1}, program.BufferID(logits.Slot): golden.In[0],
	})
	closeTo(t, "gradient", e.Values(program.BufferID(logits.Slot)), golden.Out[0], 1e-14)
	closeTo(t, "log-probability", e.Values(program.BufferID(logp.Slot)), golden.Out[1], 1e-14)
}

// Three steps of AdamW on two tensors, with clipping, from clip to update.
func TestAdamWAgainstTorch(t *testing.T) {
	golden := goldens(t)["adamw"]
	p := &bt.Builder{}
	const n = 512
	region := func(name string) program.Operand { return p.Param(name, dtype.F32, 1, n) }
	params, grads, m, v := region("params"), region("grads"), region("m"), region("v")
	optimizer := p.Param("optimizer", dtype.F32, 1, 4)
	ranges := []program.Range{{Len: 5, Decay: 1, Rate: 1}, {Offset: 256, Len: 3, Decay: 0, Rate: 16}}
	p.Emit(program.OpGradNorm, program.Attr{}, bt.In(grads), optimizer)
	p.Emit(program.OpAdamW, program.Attr{Ranges: ranges}, bt.In(grads), params, m, v, optimizer)
	e, err := reference.New[float64]().Load(p.Program())
	if err != nil {
		t.Fatal(err)
	}
	memory := func(o program.Operand) []float64 { return e.Values(program.BufferID(o.Slot)) }
	copy(memory(params), golden.In[0])
	copy(memory(params)[256:], golden.In[1])
	s := program.Scalars{LearningRate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1, MaxNorm: 1}
	for step, norm := range golden.Out[6] {
		copy(memory(grads), golden.In[2+2*step])
		copy(memory(grads)[256:], golden.In[3+2*step])
		if err := e.Run(0, &s); err != nil {
			t.Fatal(err)
		}
		closeTo(t, "norm", memory(optimizer)[:2], []float64{norm, float64(step + 1)}, 1e-14)
	}
	for i, x := range []program.Operand{params, m, v} {
		name := []string{"parameters", "first moment", "second moment"}[i]
		closeTo(t, name, memory(x)[:5], golden.Out[2*i], 1e-12)
		closeTo(t, name, memory(x)[256:259], golden.Out[2*i+1], 1e-12)
	}
}

func closeTo(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
			t.Errorf("%s, element %d: %v, torch has %v", what, i, got[i], want[i])
		}
	}
}
