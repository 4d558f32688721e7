package model_test

import (
	"errors"
	"math"
	"testing"

	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/formats/adapter"
)

// What hears of the progress can end the loading.
func TestStartEnds(t *testing.T) {
	enough := errors.New("enough")
	calls := 0
	_, err := openBase(t, "llama").Start(reference.New[float32](), lower.Options{Train: []int{8}, Full: true}, 7, func(int64, int64) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

// The deviations of A are PEFT's: 1/√(3·in) by default, 1/rank of "gaussian".
func TestInit(t *testing.T) {
	const rank = 40
	base := openBase(t, "llama")
	s, err := base.Start(reference.New[float32](), lower.Options{Adapter: &lower.LoRA{
		Target: func(m string) (int, float32, bool) { return rank, 1, m != "lm_head" },
	}}, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name string
		init func() error
		want func(in int) float64
	}{
		{"default", func() error { return nil }, func(in int) float64 { return 1 / math.Sqrt(3*float64(in)) }},
		{"gaussian", func() error { return s.InitGaussian(7) }, func(int) float64 { return 1.0 / rank }},
	} {
		if err := c.init(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := s.SaveAdapter(dir, model.AdapterSettings{BaseModel: "llama", Rank: rank, Alpha: rank}); err != nil {
			t.Fatal(err)
		}
		saved, err := adapter.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saved.Modules {
			squares := 0.0
			for _, v := range m.A {
				squares += float64(v) * float64(v) / float64(rank*m.In)
			}
			if got, want := math.Sqrt(squares), c.want(m.In); math.Abs(got-want) > 0.1*want {
				t.Errorf("%s: A of %s has deviation %v, wanted %v", c.name, m.Path, got, want)
			}
			for _, v := range m.B {
				if v != 0 {
					t.Fatalf("%s: B of %s is not zero", c.name, m.Path)
				}
			}
		}
	}
}
