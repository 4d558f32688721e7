package train

import "math"

// Schedule gives the learning rate of each optimizer step. The kinds, their
// settings and their formulas are those of Transformers' get_scheduler
// (5.24.0). All but "constant" rise from 0 over Warmup steps first, and come to
// their end after Total. "reduce_lr_on_plateau" is not one: see Plateau.
type Schedule struct {
	Kind   string
	Base   float64 // the highest rate
	Warmup int     // steps
	Total  int     // steps

	// NumCycles is the number of waves; 0 is the kind's own: half of one of
	// cosine, 1 restart.
	NumCycles float64
	// Power and End are polynomial's: the rate falls to End as (1 − progress)^Power.
	Power, End float64
	// MinRate is the share of Base that cosine_with_min_lr and warmup_stable_decay end at.
	MinRate float64
	// Timescale is inverse_sqrt's, in steps; 0 is Warmup, or 10,000 without one.
	Timescale int
	// Decay is the number of steps at the end in which warmup_stable_decay falls;
	// WarmupType and DecayType are "linear", "cosine" or "1-sqrt".
	Decay                 int
	WarmupType, DecayType string
}

// Rate is the learning rate of step (from 0).
func (s Schedule) Rate(step int) float64 { return s.Base * s.factor(step) }

func (s Schedule) factor(step int) float64 {
	if s.Kind == "constant" {
		return 1
	}
	if s.Kind == "warmup_stable_decay" {
		return s.warmupStableDecay(step)
	}
	if step < s.Warmup {
		return float64(step) / float64(max(1, s.Warmup))
	}
	progress := float64(step-s.Warmup) / float64(max(1, s.Total-s.Warmup))
	switch s.Kind {
	case "cosine":
		return math.Max(0, wave(s.cycles(0.5)*2*progress))
	case "cosine_with_min_lr":
		return math.Max(0, s.above(wave(s.cycles(0.5)*2*progress)))
	case "cosine_with_restarts":
		if progress >= 1 {
			return 0
		}
		return math.Max(0, wave(math.Mod(s.cycles(1)*progress, 1)))
	case "linear":
		return math.Max(0, 1-progress)
	case "polynomial":
		if step > s.Total {
			return s.End / s.Base
		}
		return ((s.Base-s.End)*math.Pow(1-progress, s.Power) + s.End) / s.Base
	case "inverse_sqrt":
		return s.inverseSqrt(step)
	}
	return 1 // constant_with_warmup
}

// wave is half a cosine, from 1 at 0 to 0 at 1.
func wave(x float64) float64 { return 0.5 * (1 + math.Cos(math.Pi*x)) }

func (s Schedule) cycles(own float64) float64 {
	if s.NumCycles == 0 {
		return own
	}
	return s.NumCycles
}

// above lifts a factor from 0 … 1 to MinRate … 1.
func (s Schedule) above(factor float64) float64 { return factor*(1-s.MinRate) + s.MinRate }

// inverseSqrt: 1/√((step + timescale − warmup)/timescale).
func (s Schedule) inverseSqrt(step int) float64 {
	scale := s.Timescale
	if scale == 0 {
		scale = s.Warmup
	}
	if scale == 0 {
		scale = 10_000
	}
	return 1 / math.Sqrt(float64(step+scale-s.Warmup)/float64(scale))
}

func (s Schedule) warmupStableDecay(step int) float64 {
	if step < s.Warmup {
		return math.Max(0, s.above(rise(s.WarmupType, float64(step)/float64(max(1, s.Warmup)))))
	}
	begin := s.Total - s.Decay
	switch {
	case step < begin:
		return 1
	case step >= s.Total:
		return s.MinRate
	}
	progress := float64(step-begin) / float64(max(1, s.Decay))
	fall := 1 - progress
	switch s.DecayType {
	case "cosine":
		fall = wave(s.cycles(0.5) * 2 * progress)
	case "1-sqrt":
		fall = 1 - math.Sqrt(progress)
	}
	return math.Max(0, s.above(fall))
}

func rise(kind string, progress float64) float64 {
	switch kind {
	case "cosine":
		return 0.5 * (1 - math.Cos(math.Pi*progress))
	case "1-sqrt":
		return 1 - math.Sqrt(1-progress)
	}
	return progress
}
