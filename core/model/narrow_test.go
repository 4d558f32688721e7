package model_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/train"
	"github.com/loraedge/loraedge/formats/dtype"
)

// narrow calls run for each device and each type in which it holds activations.
func narrow(t *testing.T, run func(t *testing.T, d backends.Backend, compute dtype.DType)) {
	for device, d := range withVulkan(t, devices(t)) {
		for _, compute := range d.Describe().Activations {
			t.Run(device+"/"+compute.String(), func(t *testing.T) { run(t, d, compute) })
		}
	}
}

// inPrecision is newSession with products in a type as the device has them.
func inPrecision(t *testing.T, d backends.Backend, o lower.Options, compute dtype.DType) *model.Session {
	t.Helper()
	if err := openBase(t, "llama").SetPrecision(&o, model.Precision{Compute: compute}, d.Describe()); err != nil {
		t.Fatal(err)
	}
	return newSession(t, d, o)
}

// asTheyAre says whether a device does not round the factors of small weights' gradients.
func asTheyAre(d backends.Backend) bool { return d.Describe().Name == "cpu" }

// unscaled is an adapter of all linears with scale 1.
func unscaled(dora bool) *lower.LoRA {
	return &lower.LoRA{DoRA: dora, Target: func(m string) (int, float32, bool) { return 4, 1, m != "lm_head" }}
}

// Activations in 16 bits change nothing where only products read them: losses, norms,
// parameters and moments have the same bytes as when products read them from F32. In both
// runs attention's gradient sees o and do in 16 bits, and nothing is dropped. The adapter's scale is 1: of float16's numbers
// below 2⁻¹⁴, which have fewer bits, round(2·x) is not 2·round(x).
func TestNarrowActivationsAreExact(t *testing.T) {
	narrow(t, func(t *testing.T, d backends.Backend, compute dtype.DType) {
		for _, c := range []struct {
			name string
			o    lower.Options
		}{
			{"recomputed", lower.Options{Adapter: unscaled(false)}},
			{"kept, DoRA", lower.Options{Adapter: unscaled(true), Keep: lower.KeepAll}},
			{"layer by layer", lower.Options{Adapter: unscaled(false), Micros: 2, Keep: 1}},
			{"full", lower.Options{Full: true, Keep: lower.KeepAll}},
		} {
			t.Run(c.name, func(t *testing.T) {
				narrow, got := training(t, inPrecision(t, d, c.o, compute), c.o.Micros, nil)
				wide, want := training(t, inPrecision(t, backendtest.Widening{Backend: d, WeightGrads: asTheyAre(d)}, c.o, compute), c.o.Micros, nil)
				for _, tr := range []*train.Trainer{narrow, wide} {
					if _, err := tr.Run(t.Context(), train.State{}); err != nil {
						t.Fatal(err)
					}
				}
				if !reflect.DeepEqual(got.steps, want.steps) {
					t.Errorf("steps %+v, in F32 %+v", got.steps, want.steps)
				}
				if !bytes.Equal(state(t, got), state(t, want)) {
					t.Error("the trained parameters and moments differ")
				}
			})
		}
	})
}

// Against a program whose activations are all F32, losses are the same without dropout, and
// gradients differ by less than twice what rounding the products' factors changes: o is rounded
// in attention's, and what is dropped was.
func TestNarrowActivationsAreNear(t *testing.T) {
	narrow(t, func(t *testing.T, d backends.Backend, compute dtype.DType) {
		for name, dropout := range map[string]float32{"as it is": 0, "with dropout": 0.2} {
			t.Run(name, func(t *testing.T) {
				b := openGolden(t, "llama").batch("")
				run := func(o lower.Options) (*model.Session, float64) {
					o.Adapter, o.Train = &lower.LoRA{Dropout: dropout}, []int{len(b.IDs)}
					s := withAdapter(t, openBase(t, "llama"), d, filepath.Join(goldens, "llama", "adapter"), o)
					sum, err := s.Step(b, scalars(b))
					if err != nil {
						t.Fatal(err)
					}
					return s, sum
				}
				exact, _ := run(lower.Options{})
				wide, want := run(lower.Options{Compute: compute})
				narrow, got := run(lower.Options{Compute: compute, Narrow: true, NarrowLinears: d.Describe().NarrowLinears})
				if dropout == 0 && got != want {
					t.Errorf("loss %v, in F32 %v", got, want)
				}
				if a, b := bytesOf(narrow, dtype.F32), bytesOf(wide, dtype.F32); a >= b {
					t.Errorf("%d bytes of locals in F32, %d where none is narrow", a, b)
				}
				for _, r := range wide.Lowered.Program.Ranges {
					var g [3][]float32
					for i, s := range []*model.Session{narrow, wide, exact} {
						var err error
						if g[i], err = s.Gradient(r.Name); err != nil {
							t.Fatal(err)
						}
					}
					if e, limit := distance(g[0], g[1]), distance(g[1], g[2]); !(e < 2*limit) {
						t.Errorf("gradient of %s changes by %.2g, and by %.2g from float32 to %s", r.Name, e, limit, compute)
					}
				}
			})
		}
	})
}

// bytesOf is the size of all locals of a type.
func bytesOf(s *model.Session, d dtype.DType) int64 {
	var sum int64
	for _, seg := range s.Lowered.Program.Segments {
		for _, x := range seg.Locals {
			if x.DType == d {
				sum += d.Bytes(x.Rows, x.Cols)
			}
		}
	}
	return sum
}
