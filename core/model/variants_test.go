package model_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
)

// What PEFT says of variants of LoRA on the model "llama" is in its folder
// variants, made by tools/oracle/variants.py.
func TestVariants(t *testing.T) {
	for _, c := range []struct {
		name   string
		ratioB float32
		whole  bool // the golden has logits, gradients and the final adapter
	}{{"dora", 0, true}, {"dora-rslora-loraplus", 2, false}, {"rslora", 0, false}, {"loraplus", 4, false}} {
		for device, d := range devices(t) {
			for _, keep := range []int{0, 1, lower.KeepAll} {
				t.Run(fmt.Sprintf("%s/%s/keep %d", c.name, device, keep), func(t *testing.T) {
					texts, g := openGolden(t, "llama"), openGolden(t, filepath.Join("llama", "variants", c.name))
					b := texts.batch("")
					o := lower.Options{Train: []int{len(b.IDs), goldenRows}, Keep: keep, Adapter: &lower.LoRA{RatioB: c.ratioB}}
					s := withAdapter(t, openBase(t, "llama"), d, filepath.Join(goldens, "llama", "variants", c.name, "adapter"), o)
					sum, err := s.Step(b, scalars(b))
					if err != nil {
						t.Fatal(err)
					}
					nearLoss(t, "one text", sum/b.SumWeights(), g.floats("loss")[0])
					if c.whole {
						for _, r := range s.Lowered.Program.Ranges {
							got, err := s.Gradient(r.Name)
							if err != nil {
								t.Fatal(err)
							}
							near(t, "grad."+r.Name, got, g.floats("grad."+r.Name))
						}
					}
					if err := s.DropGradients(); err != nil {
						t.Fatal(err)
					}
					twentySteps(t, s, texts, g)
					if c.whole {
						finalAdapter(t, s, g, model.AdapterSettings{BaseModel: "llama", Rank: 4, Alpha: 8, UseDoRA: true})
					}
				})
			}
		}
	}
}

func TestLogitsOfDoRA(t *testing.T) {
	for device, d := range devices(t) {
		t.Run(device, func(t *testing.T) {
			ids := openGolden(t, "llama").ints("ids")
			want := openGolden(t, filepath.Join("llama", "variants", "dora")).floats("logits")
			vocab := len(want) / len(ids)
			o := lower.Options{Decode: []int{1, 16}, Cache: 64}
			s := withAdapter(t, openBase(t, "llama"), d, filepath.Join(goldens, "llama", "variants", "dora", "adapter"), o)
			for past := 0; past < len(ids); past++ {
				logits, err := s.Decode(ids[past:past+1], past)
				if err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprintf("logits of token %d", past), logits, want[past*vocab:][:vocab])
			}
		})
	}
}

// A new adapter with magnitudes changes nothing.
func TestNewDoRA(t *testing.T) {
	for device, d := range devices(t) {
		t.Run(device, func(t *testing.T) {
			g := openGolden(t, "llama")
			b := g.batch("")
			s, err := openBase(t, "llama").Start(d, lower.Options{Train: []int{len(b.IDs)}, Adapter: &lower.LoRA{
				DoRA: true, Target: func(m string) (int, float32, bool) { return 4, 2, m != "lm_head" },
			}}, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			sum, err := s.Score(b, scalars(b))
			if err != nil {
				t.Fatal(err)
			}
			nearLoss(t, "new", sum/b.SumWeights(), g.floats("loss_base")[0])
		})
	}
}

// PiSSA begins with the base model's loss, trains as PEFT's does, and its
// adapter gives the same on the original base.
func TestPiSSA(t *testing.T) {
	for device, d := range devices(t) {
		t.Run(device, func(t *testing.T) {
			texts, g := openGolden(t, "llama"), openGolden(t, filepath.Join("llama", "variants", "pissa"))
			b := texts.batch("")
			s, err := openBase(t, "llama").Start(d, lower.Options{Train: []int{len(b.IDs), goldenRows}, Adapter: &lower.LoRA{
				Target: func(m string) (int, float32, bool) { return 4, 2, m != "lm_head" },
			}}, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.InitPiSSA(1, nil); err != nil {
				t.Fatal(err)
			}
			loss := func(s *model.Session) float64 {
				t.Helper()
				sum, err := s.Score(b, scalars(b))
				if err != nil {
					t.Fatal(err)
				}
				return sum / b.SumWeights()
			}
			nearLoss(t, "new", loss(s), g.floats("loss")[0])
			nearLoss(t, "new, beside the base", loss(s), texts.floats("loss_base")[0])
			twentySteps(t, s, texts, g)
			dir := t.TempDir()
			if err := s.SaveAdapter(dir, model.AdapterSettings{BaseModel: "llama", Rank: 4, Alpha: 8}); err != nil {
				t.Fatal(err)
			}
			again := withAdapter(t, openBase(t, "llama"), d, dir, lower.Options{Score: []int{len(b.IDs)}})
			nearLoss(t, "saved", loss(again), float32(loss(s)))
		})
	}
}
