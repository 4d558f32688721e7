package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/backends/vulkan"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/train"
	"github.com/loraedge/loraedge/formats/dtype"
)

// withVulkan adds the GPU that LORAEDGE_VULKAN_DEVICE names, if it does, to some devices.
func withVulkan(t *testing.T, found map[string]backends.Backend) map[string]backends.Backend {
	t.Helper()
	if os.Getenv("LORAEDGE_VULKAN_DEVICE") == "" {
		return found
	}
	d, err := vulkan.New(vulkan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	found["vulkan"] = d
	return found
}

// float16Devices round the factors of products to float16: the reference, and
// the GPU where its matrix units are on.
func float16Devices(t *testing.T) map[string]backends.Backend {
	t.Helper()
	found := map[string]backends.Backend{"reference": reference.New[float32]()}
	if os.Getenv("LORAEDGE_VULKAN_MATRIX") != "1" {
		return found
	}
	return withVulkan(t, found)
}

// told is what a training tells, and where it saves.
type told struct {
	s      *model.Session
	dir    string
	steps  []train.StepEvent // without times
	lower  []train.ScaleEvent
	saved  train.State
	onStop func() // called when the scale is lowered
}

func (o *told) Stepped(e train.StepEvent) error {
	e.Seconds, e.TokensPerSecond = 0, 0
	o.steps = append(o.steps, e)
	return nil
}

func (o *told) Evaluated(train.EvalEvent) error { return nil }

func (o *told) Rescaled(e train.ScaleEvent) error {
	o.lower = append(o.lower, e)
	if o.onStop != nil {
		o.onStop()
	}
	return nil
}

func (o *told) Save(s train.State) error {
	o.saved = s
	return o.s.SaveState(o.dir)
}

// training is a run of six windows of two micro batches of the golden's texts.
func training(t *testing.T, s *model.Session, micros int, scaling *train.LossScaling) (*train.Trainer, *told) {
	t.Helper()
	store, err := data.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ids := openGolden(t, "llama").ints("train.ids")
	plan := &data.Plan{Store: store, Shuffle: true, Capacity: goldenRows, Size: 1, Buckets: []int{goldenRows}}
	for i := range 8 {
		weights := slices.Repeat([]float32{1}, goldenRows-i)
		if err := store.Add(data.Example{IDs: ids[i*goldenRows:][:goldenRows-i], Weights: weights}); err != nil {
			t.Fatal(err)
		}
		plan.Train = append(plan.Train, i)
	}
	if err := store.Finish(); err != nil {
		t.Fatal(err)
	}
	o := &told{s: s, dir: t.TempDir()}
	return &train.Trainer{
		Model: s, Plan: plan, Accumulation: 2, LayerMajor: micros, Steps: 6, Seed: 5, Scaling: scaling, Observer: o,
		Schedule:  train.Schedule{Kind: "cosine", Base: 1e-2, Total: 6},
		Optimizer: train.Optimizer{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, MaxGradNorm: 1},
	}, o
}

func newSession(t *testing.T, d backends.Backend, o lower.Options) *model.Session {
	t.Helper()
	o.Train = []int{goldenRows}
	s, err := openBase(t, "llama").Start(d, o, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func allLinears(dropout float32, dora bool) *lower.LoRA {
	return &lower.LoRA{Dropout: dropout, DoRA: dora, Target: func(m string) (int, float32, bool) { return 4, 2, m != "lm_head" }}
}

func state(t *testing.T, o *told) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, "training_state.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// In float32 a power of two changes nothing: losses, norms, parameters and
// moments have the same bytes, whatever the scale and whenever it rises.
func TestLossScaleIsExact(t *testing.T) {
	for device, d := range withVulkan(t, devices(t)) {
		for _, c := range []struct {
			name string
			o    lower.Options
		}{
			{"LoRA with dropout", lower.Options{Adapter: allLinears(0.1, false)}},
			{"DoRA, SGD", lower.Options{Adapter: allLinears(0, true), Optimizer: lower.SGD}},
			{"full, 8-bit moments", lower.Options{Full: true, Optimizer: lower.AdamW8}},
			{"layer by layer", lower.Options{Adapter: allLinears(0, false), Micros: 2, Keep: 1}},
		} {
			t.Run(device+"/"+c.name, func(t *testing.T) {
				plain, want := training(t, newSession(t, d, c.o), c.o.Micros, nil)
				scaled, got := training(t, newSession(t, d, c.o), c.o.Micros, &train.LossScaling{Initial: 1024, Interval: 2})
				for _, tr := range []*train.Trainer{plain, scaled} {
					if _, err := tr.Run(t.Context(), train.State{}); err != nil {
						t.Fatal(err)
					}
				}
				if !reflect.DeepEqual(got.steps, want.steps) {
					t.Errorf("steps %+v, unscaled %+v", got.steps, want.steps)
				}
				if !bytes.Equal(state(t, got), state(t, want)) {
					t.Error("the trained parameters and moments differ")
				}
				if s := got.saved.LossScale; s.Scale != 8*1024 {
					t.Errorf("the scale ended at %+v", s)
				}
			})
		}
	}
}

// A scale far too large overflows in float16. The run lowers it, loses no step,
// and trains as one whose scale fitted from the beginning; stopped in the middle of
// that, it goes on to the same bytes.
func TestOverflowRecovers(t *testing.T) {
	const huge, fits = 1 << 24, 1 << 12
	for device, d := range float16Devices(t) {
		t.Run(device, func(t *testing.T) {
			o := lower.Options{Adapter: allLinears(0.1, false), Compute: dtype.F16}
			run := func(s *model.Session, initial float64) (*train.Trainer, *told) {
				return training(t, s, 0, &train.LossScaling{Initial: initial, Interval: 1000})
			}
			exact, want := training(t, newSession(t, reference.New[float32](), lower.Options{Adapter: o.Adapter}), 0, nil)
			fitting, near := run(newSession(t, d, o), fits)
			forced, got := run(newSession(t, d, o), huge)
			for _, tr := range []*train.Trainer{exact, fitting, forced} {
				if _, err := tr.Run(t.Context(), train.State{}); err != nil {
					t.Fatal(err)
				}
			}
			if len(near.lower) > 0 || len(got.lower) < 3 {
				t.Fatalf("lowered to %v from 2^12 and to %v from 2^24, where float16 overflows and the device has matrix units", near.lower, got.lower)
			}
			for i, e := range got.lower {
				if e.Scale != huge/math.Pow(2, float64(i+1)) {
					t.Errorf("lowered to %v", got.lower)
				}
			}
			for i := range want.steps {
				for _, o := range []*told{near, got} {
					if e := math.Abs(o.steps[i].Loss/want.steps[i].Loss - 1); !(e < 1e-3) {
						t.Errorf("step %d: loss %g, in float32 %g", i+1, o.steps[i].Loss, want.steps[i].Loss)
					}
					if e := math.Abs(o.steps[i].GradNorm/want.steps[i].GradNorm - 1); !(e < 1e-2) {
						t.Errorf("step %d: gradient norm %g, in float32 %g", i+1, o.steps[i].GradNorm, want.steps[i].GradNorm)
					}
				}
			}

			ctx, cancel := context.WithCancel(t.Context())
			stopping, half := run(newSession(t, d, o), huge)
			half.onStop = func() {
				if len(half.lower) == 2 {
					cancel()
				}
			}
			if _, err := stopping.Run(ctx, train.State{}); !errors.Is(err, train.ErrInterrupted) || half.saved.LossScale.Scale != huge/4 {
				t.Fatalf("%v, saved %+v", err, half.saved)
			}
			again := newSession(t, d, o)
			if err := again.LoadState(half.dir); err != nil {
				t.Fatal(err)
			}
			going, rest := run(again, huge)
			if _, err := going.Run(t.Context(), half.saved); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(rest.steps, got.steps) || !bytes.Equal(state(t, rest), state(t, got)) || rest.saved != got.saved {
				t.Errorf("gone on to %+v at %+v, in one run %+v at %+v", rest.steps, rest.saved, got.steps, got.saved)
			}
		})
	}
}

// The gradient of a mean over very many tokens is too small for float16: without
// a scale it vanishes, with one it is that of float32.
func TestUnderflow(t *testing.T) {
	for device, d := range float16Devices(t) {
		t.Run(device, func(t *testing.T) {
			b := openGolden(t, "llama").batch("packed.")
			norm := func(compute dtype.DType, scale float32) float64 {
				o := lower.Options{Train: []int{len(b.IDs)}, Compute: compute}
				s := withAdapter(t, openBase(t, "llama"), d, filepath.Join(goldens, "llama", "adapter"), o)
				sc := scalars(b)
				sc.InvN, sc.LossScale = 1e-9, scale
				if _, err := s.Step(b, sc); err != nil {
					t.Fatal(err)
				}
				norm, err := s.Update(sc)
				if err != nil {
					t.Fatal(err)
				}
				return norm
			}
			want, vanished, got := norm(dtype.F32, 1), norm(dtype.F16, 1), norm(dtype.F16, 1<<24)
			if vanished > 0.1*want || math.Abs(got/want-1) > 1e-2 {
				t.Errorf("gradient norm %g, in float16 %g, with a loss scale %g", want, vanished, got)
			}
		})
	}
}
