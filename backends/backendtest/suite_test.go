package backendtest

import (
	"math"
	"testing"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

func TestEveryInstructionHasACase(t *testing.T) {
	for _, op := range program.Ops() {
		if len(Cases(op)) == 0 {
			t.Errorf("%s has no case", op)
		}
	}
}

// A result that is off by 1e-4 of its matrix's largest element, or where attention's factors are rounded by
// 16 of their roundings, is found mostly wherever it is; less so where softmax makes small errors of scores large.
func TestSmallErrorsAreFound(t *testing.T) {
	p := precision{accumulator: float32Unit}
	for _, op := range program.Ops() {
		t.Run(op.String(), func(t *testing.T) {
			tried, found := 0, 0
			for _, c := range Cases(op) {
				want := c.want(t)
				bound := c.bound(t, want, p)
				size := 1e-4
				if relative, _ := c.roundings(); relative > 0 && (op == program.OpAttention || op == program.OpAttentionGrad) {
					size = 16 * relative * slack / 2
				}
				for i := range want {
					a, b := tryErrors(want[i], bound[i], size)
					tried, found = tried+a, found+b
				}
			}
			if tried == 0 || found < tried*2/3 {
				t.Errorf("found %d of %d", found, tried)
			}
		})
	}
}

// tryErrors makes up to 20 elements wrong, one at a time, by size of the largest.
func tryErrors(want, bound []float64, size float64) (tried, found int) {
	largest := 1e-3
	got := make([]float32, len(want))
	for n, w := range want {
		got[n] = float32(w)
		if !math.IsNaN(w) && !math.IsInf(w, 0) {
			largest = max(largest, math.Abs(w))
		}
	}
	for n := 0; n < len(got); n += 1 + len(got)/20 {
		if math.IsNaN(want[n]) {
			continue
		}
		was := got[n]
		got[n] += float32(largest * size)
		tried++
		if difference(got, want, bound, len(want)) != "" {
			found++
		}
		got[n] = was
	}
	return tried, found
}

// A backend that gets one thing wrong fails at least one case.
func TestMistakesAreFound(t *testing.T) {
	attention := []program.Op{program.OpAttention, program.OpAttentionGrad, program.OpAttentionCached}
	documents := []program.Op{program.OpAttention, program.OpAttentionGrad}
	drop := []program.Op{program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad}
	scale := []program.Op{program.OpEmbed, program.OpEmbedGrad, program.OpLinear, program.OpLinearGrad, program.OpRoPE}
	cached := []program.Op{program.OpCacheAppend, program.OpAttentionCached}
	for _, m := range []struct {
		name    string
		ops     []program.Op
		mistake func(*Case)
	}{
		{"scale ignored", append(scale, attention...), func(c *Case) { c.Attr.Scale = 1 }},
		{"window ignored", attention, func(c *Case) { c.Attr.Window = 0 }},
		{"window one longer", attention, func(c *Case) {
			if c.Attr.Window > 0 {
				c.Attr.Window++
			}
		}},
		{"cap ignored", attention, func(c *Case) { c.Attr.SoftCap = 0 }},
		{"documents ignored", documents, func(c *Case) { clear(c.In[len(c.In)-2].Ints) }},
		{"bfloat16 rounded as float16", documents, func(c *Case) {
			if c.Attr.Compute == dtype.BF16 {
				c.Attr.Compute = dtype.F16
			}
		}},
		{"dropout ignored", drop, func(c *Case) { c.Scalars.Training = false }},
		{"dropout without training", drop, func(c *Case) { c.Scalars.Training = true }},
		{"seed cut to 32 bits", drop, func(c *Case) { c.Scalars.Seed &= 1<<32 - 1 }},
		{"module ignored", drop, func(c *Case) { c.Attr.Dropout.Module = 0 }},
		{"step ignored", drop, func(c *Case) { c.Scalars.DropoutStep = 0 }},
		{"accumulate ignored", drop[:2], func(c *Case) { c.Attr.Accumulate = false }},
		{"accumulate always", drop[:2], func(c *Case) { c.Attr.Accumulate = true }},
		{"accumulate ignored", []program.Op{program.OpRMSNormGrad}, func(c *Case) { c.Attr.Accumulate = false }},
		{"adapter ignored", drop[:1], func(c *Case) { c.Attr.Adapter = false }},
		{"offset ignored", []program.Op{program.OpRMSNorm, program.OpRMSNormGrad}, func(c *Case) { c.Attr.Offset = 0 }},
		{"eps ignored", []program.Op{program.OpRMSNorm}, func(c *Case) { c.Attr.Eps = 0 }},
		{"pairs as the other style", []program.Op{program.OpRoPE}, func(c *Case) { c.Attr.Interleaved = !c.Attr.Interleaved }},
		{"inverse ignored", []program.Op{program.OpRoPE}, func(c *Case) { c.Attr.Inverse = false }},
		{"gelu as its approximation", []program.Op{program.OpGated, program.OpGatedGrad}, func(c *Case) {
			if c.Attr.Activation == "gelu" {
				c.Attr.Activation = "gelu_tanh"
			}
		}},
		{"past ignored", cached, func(c *Case) { c.Scalars.Past = 0 }},
		{"pad rows computed", cached, func(c *Case) { c.Scalars.Tokens = c.In[0].Rows }},
		{"1/N ignored", []program.Op{program.OpCrossEntropy}, func(c *Case) { c.Scalars.InvN = 1 }},
		{"loss scale ignored", []program.Op{program.OpCrossEntropy, program.OpGradNorm, program.OpAdamW, program.OpAdamW8, program.OpSGD}, func(c *Case) {
			c.Scalars.LossScale = 0
		}},
		{"weights ignored", []program.Op{program.OpCrossEntropy}, func(c *Case) { c.In[1].Floats = ones(c.In[1].Rows) }},
		{"document's length ignored", []program.Op{program.OpNoise}, func(c *Case) { clear(c.In[0].Ints) }},
		{"dropout without training", []program.Op{program.OpNoise, program.OpDrop}, func(c *Case) { c.Scalars.Training = true }},
		{"seed cut to 32 bits", []program.Op{program.OpNoise, program.OpDrop}, func(c *Case) { c.Scalars.Seed &= 1<<32 - 1 }},
		{"step ignored", []program.Op{program.OpNoise, program.OpDrop}, func(c *Case) { c.Scalars.DropoutStep = 0 }},
		{"adapter ignored", []program.Op{program.OpMagnitude, program.OpMagnitudeGrad}, func(c *Case) { c.Scalars.Adapter = 1 }},
		{"offset ignored", []program.Op{program.OpMagnitude, program.OpMagnitudeGrad}, func(c *Case) { c.Attr.Offset = 0 }},
		{"accumulate ignored", []program.Op{program.OpMagnitude, program.OpDrop}, func(c *Case) { c.Attr.Accumulate = false }},
		{"scale ignored", []program.Op{program.OpWeightNorm, program.OpNoise}, func(c *Case) { c.Attr.Scale = 1 }},
		{"momentum ignored", []program.Op{program.OpSGD}, func(c *Case) { c.Scalars.Beta1 = 0 }},
		{"one table for both moments", []program.Op{program.OpAdamW8}, func(c *Case) { c.In[2] = c.In[1] }},
		{"clipping ignored", []program.Op{program.OpAdamW8, program.OpSGD}, func(c *Case) { c.Scalars.MaxNorm = 0 }},
		{"decay ignored", []program.Op{program.OpAdamW8, program.OpSGD}, func(c *Case) { c.Scalars.WeightDecay = 0 }},
		{"clipping ignored", []program.Op{program.OpAdamW}, func(c *Case) { c.Scalars.MaxNorm = 0 }},
		{"decay ignored", []program.Op{program.OpAdamW}, func(c *Case) { c.Scalars.WeightDecay = 0 }},
		{"epsilon ignored", []program.Op{program.OpAdamW}, func(c *Case) { c.Scalars.Epsilon = 0 }},
	} {
		for _, op := range m.ops {
			if !mistakeIsFound(t, op, m.mistake) {
				t.Errorf("%s: no case of %s finds it", m.name, op)
			}
		}
	}
}

func mistakeIsFound(t *testing.T, op program.Op, mistake func(*Case)) bool {
	damaged := Cases(op) // of their own memory
	for i, c := range Cases(op) {
		wrong := damaged[i]
		mistake(&wrong)
		results, err := wrong.exact()
		if err != nil {
			continue
		}
		want := c.want(t)
		bound := c.bound(t, want, precision{accumulator: float32Unit})
		for i := range want {
			got := make([]float32, len(results[i]))
			for n, v := range results[i] {
				got[n] = float32(v)
			}
			if difference(got, want[i], bound[i], c.Out[i].Cols) != "" {
				return true
			}
		}
	}
	return false
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}
