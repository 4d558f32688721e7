package train

// Plateau lowers the learning rate when the validation loss stops falling, as
// torch's ReduceLROnPlateau with mode "min", which is Transformers'
// reduce_lr_on_plateau. It steps after each evaluation.
type Plateau struct {
	Factor    float64 // what the rate is multiplied by
	Patience  int     // evaluations without a better loss that are let pass
	Threshold float64 // a loss is better below best·(1 − Threshold)
	Cooldown  int     // evaluations after a reduction in which none counts
	MinRate   float64 // the lowest rate
}

// PlateauState is where a Plateau stands; a checkpoint keeps it.
type PlateauState struct {
	Seen     bool    `json:"seen,omitempty"` // an evaluation
	Rate     float64 `json:"rate,omitempty"` // the rate now, once Seen
	Best     float64 `json:"best,omitempty"`
	Bad      int     `json:"bad,omitempty"`
	Cooldown int     `json:"cooldown,omitempty"`
}

// smallestReduction is torch's eps: a reduction by less is not made.
const smallestReduction = 1e-8

// step takes in the loss of an evaluation; base is the rate before the first.
func (p Plateau) step(s *PlateauState, loss, base float64) {
	if !s.Seen {
		s.Rate = base
	}
	if !s.Seen || loss < s.Best*(1-p.Threshold) {
		s.Best, s.Bad = loss, 0
	} else {
		s.Bad++
	}
	s.Seen = true
	if s.Cooldown > 0 {
		s.Cooldown--
		s.Bad = 0
	}
	if s.Bad <= p.Patience {
		return
	}
	if lower := max(s.Rate*p.Factor, p.MinRate); s.Rate-lower > smallestReduction {
		s.Rate = lower
	}
	s.Cooldown, s.Bad = p.Cooldown, 0
}
