package model

import (
	"math"
	"math/rand/v2"

	"github.com/loraedge/loraedge/core/lower"
)

// initAdapter draws A from U(±1/√in) (Kaiming uniform with a = √5, as PEFT
// does) and leaves B zero.
func (s *Session) initAdapter(seed uint64) error {
	return s.drawA(seed, func(m lower.Module, r *rand.Rand) float64 {
		return (2*r.Float64() - 1) / math.Sqrt(float64(m.In))
	})
}

// InitGaussian begins a new adapter with A from the normal distribution of deviation
// 1/rank and B zero, as PEFT's init_lora_weights = "gaussian" does.
func (s *Session) InitGaussian(seed uint64) error {
	return s.drawA(seed, func(m lower.Module, r *rand.Rand) float64 { return r.NormFloat64() / float64(m.Rank) })
}

// drawA fills A with what draw gives and B with zeros; each module has a
// generator of its own.
func (s *Session) drawA(seed uint64, draw func(lower.Module, *rand.Rand) float64) error {
	for i, m := range s.Lowered.Modules {
		r := rand.New(rand.NewPCG(seed, 1<<32|uint64(i)))
		a := make([]float32, m.Rank*m.In)
		for k := range a {
			a[k] = float32(draw(m, r))
		}
		if err := s.writeFloats(m.A, 0, a); err != nil {
			return err
		}
		if err := s.writeFloats(m.B, 0, make([]float32, m.Out*m.Rank)); err != nil {
			return err
		}
	}
	return s.initMagnitudes()
}

// initMagnitudes makes DoRA's magnitudes the norms of the weights, so that they change
// nothing at first.
func (s *Session) initMagnitudes() error {
	if err := s.refresh(); err != nil {
		return err
	}
	for _, m := range s.Lowered.Modules {
		if m.Magnitude < 0 {
			continue
		}
		norms, err := s.readFloats(m.Norm)
		if err != nil {
			return err
		}
		if err := s.writeFloats(m.Magnitude, 0, norms); err != nil {
			return err
		}
	}
	return nil
}
