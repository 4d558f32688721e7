package model_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
)

var qlora = model.Precision{Compute: dtype.F32, FourBit: dtype.NF4Double}

// quantizedSession opens a folder of the golden qlora with its adapter.
func quantizedSession(t *testing.T, d backends.Backend, folder string, p model.Precision, o lower.Options) *model.Session {
	t.Helper()
	b := openBase(t, filepath.Join("qlora", folder))
	if err := b.SetPrecision(&o, p, d.Describe()); err != nil {
		t.Fatal(err)
	}
	return withAdapter(t, b, d, filepath.Join(goldens, "qlora", "adapter"), o)
}

// fourBit are the devices that hold weights in 4 bits.
func fourBit(t *testing.T) map[string]backends.Backend {
	all := devices(t)
	for name, d := range all {
		if !slices.Contains(d.Describe().Stores, dtype.NF4Double) {
			delete(all, name)
		}
	}
	return all
}

// A model quantised here, and one that bitsandbytes quantised, give PEFT's loss,
// logits and gradients over bitsandbytes.
func TestQLoRA(t *testing.T) {
	for device, d := range fourBit(t) {
		for _, folder := range []string{"base", "bnb"} {
			t.Run(device+"/"+folder, func(t *testing.T) {
				g := openGolden(t, "qlora")
				b := g.batch("")
				s := quantizedSession(t, d, folder, qlora, lower.Options{Train: []int{len(b.IDs)}, Decode: []int{len(b.IDs)}, Cache: 64})
				sum, err := s.Step(b, scalars(b))
				if err != nil {
					t.Fatal(err)
				}
				nearLoss(t, "", sum/b.SumWeights(), g.floats("loss")[0])
				for _, r := range s.Lowered.Program.Ranges {
					got, err := s.Gradient(r.Name)
					if err != nil {
						t.Fatal(err)
					}
					near(t, "grad."+r.Name, got, g.floats("grad."+r.Name))
				}
				logits, err := s.Decode(b.IDs, 0)
				if err != nil {
					t.Fatal(err)
				}
				want := g.floats("logits")
				near(t, "logits of the last token", logits, want[len(want)-len(logits):])
			})
		}
	}
}

// In bfloat16 both round alike but not in the same order: each gradient is as
// near to exact arithmetic as PEFT's is, within a factor.
func TestQLoRAInBF16(t *testing.T) {
	const factor = 2
	for device, d := range fourBit(t) {
		if !slices.Contains(d.Describe().Computes, dtype.BF16) {
			continue
		}
		t.Run(device, func(t *testing.T) {
			g := openGolden(t, "qlora")
			b := g.batch("")
			p := qlora
			p.Compute = dtype.BF16
			s := quantizedSession(t, d, "base", p, lower.Options{Train: []int{len(b.IDs)}})
			sum, err := s.Step(b, scalars(b))
			if err != nil {
				t.Fatal(err)
			}
			exact := float64(g.floats("loss")[0])
			ours, peft := sum/b.SumWeights()-exact, float64(g.floats("bf16.loss")[0])-exact
			if ours*ours > factor*factor*peft*peft+1e-6*exact*exact {
				t.Errorf("loss is off by %.2g, PEFT's by %.2g", ours, peft)
			}
			for _, r := range s.Lowered.Program.Ranges {
				got, err := s.Gradient(r.Name)
				if err != nil {
					t.Fatal(err)
				}
				want := g.floats("grad." + r.Name)
				ours, peft := distance(got, want), distance(g.floats("bf16.grad."+r.Name), want)
				if !(ours < factor*peft) {
					t.Errorf("gradient of %s is off by %.2g, PEFT's by %.2g", r.Name, ours, peft)
				}
			}
		})
	}
}

// What is quantised here has the very codes of bitsandbytes, and nested codes
// next to them at most.
func TestQuantizesAsBitsAndBytes(t *testing.T) {
	base, err := huggingface.Open(filepath.Join(goldens, "qlora", "base"))
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	folder, err := huggingface.Open(filepath.Join(goldens, "qlora", "bnb"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	compared := 0
	for _, tensor := range folder.Tensors() {
		if !tensor.DType.InBlocks() {
			continue
		}
		want, err := folder.Blocks(tensor.Name)
		if err != nil {
			t.Fatal(err)
		}
		original, _ := base.Tensor(tensor.Name)
		x := make([]float32, len(original.Data)/2)
		if err := dtype.ToFloat32(x, original.Data, original.DType); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if err := dtype.FromFloat32(got, x, tensor.DType); err != nil {
			t.Fatal(err)
		}
		if n := dtype.PartsOf(tensor.DType, int64(len(x))).Scales; !bytes.Equal(got[:n], want[:n]) {
			t.Errorf("%s: codes differ", tensor.Name)
		}
		compared++
	}
	if compared != 14 {
		t.Errorf("compared %d tensors, want the 14 linears", compared)
	}
}

func TestPrecisionThatCannotBe(t *testing.T) {
	d := devices(t)["reference"].Describe()
	bnb := openBase(t, filepath.Join("qlora", "bnb"))
	err := bnb.SetPrecision(&lower.Options{Full: true}, model.Precision{}, d)
	if err == nil || !strings.Contains(err.Error(), "4 bits") {
		t.Errorf("full training of a quantised model: %v", err)
	}
	d.Computes, d.Stores = nil, nil
	if err := bnb.SetPrecision(&lower.Options{}, model.Precision{Compute: dtype.BF16}, d); err == nil || !strings.Contains(err.Error(), "BF16") {
		t.Errorf("a device without bfloat16: %v", err)
	}
	if err := bnb.SetPrecision(&lower.Options{}, qlora, d); err == nil || !strings.Contains(err.Error(), "4 bits") {
		t.Errorf("a device without 4 bits: %v", err)
	}
}

// Streamed weights give the very bytes of resident ones.
func TestStreamedWeightsGiveTheSameBytes(t *testing.T) {
	for device, d := range fourBit(t) {
		t.Run(device, func(t *testing.T) {
			g := openGolden(t, "qlora")
			b := g.batch("")
			gradients := func(stream int) map[string][]float32 {
				s := quantizedSession(t, d, "base", qlora, lower.Options{Train: []int{len(b.IDs)}, Keep: 1, Stream: stream})
				if _, err := s.Step(b, scalars(b)); err != nil {
					t.Fatal(err)
				}
				all := map[string][]float32{}
				for _, r := range s.Lowered.Program.Ranges {
					values, err := s.Gradient(r.Name)
					if err != nil {
						t.Fatal(err)
					}
					all[r.Name] = values
				}
				return all
			}
			resident := gradients(0)
			for _, stream := range []int{1, 2} {
				for name, values := range gradients(stream) {
					if !slices.Equal(values, resident[name]) {
						t.Errorf("%d blocks streamed: the gradient of %s differs", stream, name)
					}
				}
			}
		})
	}
}
