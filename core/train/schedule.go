package train

import "math"

// Schedule gives the learning rate of each optimizer step, as Transformers'
// get_*_schedule_with_warmup do: linear from 0 over Warmup steps, then by Kind
// to the end of Total steps.
type Schedule struct {
	Kind   string // "cosine", "linear", "constant"
	Base   float64
	Warmup int
	Total  int
}

// Rate is the learning rate of step (from 0).
func (s Schedule) Rate(step int) float64 {
	if step < s.Warmup {
		return s.Base * float64(step) / float64(max(1, s.Warmup))
	}
	progress := float64(step-s.Warmup) / float64(max(1, s.Total-s.Warmup))
	switch s.Kind {
	case "cosine":
		return s.Base * math.Max(0, 0.5*(1+math.Cos(math.Pi*progress)))
	case "linear":
		return s.Base * math.Max(0, 1-progress)
	}
	return s.Base
}
