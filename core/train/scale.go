package train

import "math"

// LossScaling keeps gradients inside float16, whose numbers end at 65,504 and at
// 6e-8: the loss, and so every gradient, is multiplied by a power of two, which
// the gradients' norm and the update divide by again, exactly. The scale goes as
// torch.amp.GradScaler's, but for three things. A window whose gradients
// overflowed is done again with the lower scale, not left out: it costs time and no
// data, and so the scale may be tried upwards more often than each 2,000 steps. It
// stays within minScale and maxScale. And a loss that is not finite ends the run
// at once, since the scale has no part in it.
type LossScaling struct {
	Initial  float64 // scale at the beginning, a power of two
	Interval int     // steps in a row without an overflow, after which the scale doubles
}

// Float16Scaling is for products in float16. In 200 steps one that is done again is half a percent.
var Float16Scaling = LossScaling{Initial: 1 << 16, Interval: 200}

const (
	minScale = 1       // below it, gradients overflow that are not scaled
	maxScale = 1 << 24 // where all gradients are 0, nothing would stop it
)

// ScaleState is where a LossScaling stands; a checkpoint keeps it.
type ScaleState struct {
	Scale float64 `json:"scale,omitempty"` // 0 before the first step
	Good  int     `json:"good,omitempty"`  // steps since the last change
}

// valid says whether the state can be one: none, or a power of two that float32 holds, and its inverse too.
func (s ScaleState) valid() bool {
	fraction, exponent := math.Frexp(s.Scale)
	return s.Good >= 0 && (s.Scale == 0 || fraction == 0.5 && exponent >= -125 && exponent <= 127)
}

// ScaleEvent tells that the gradients of a step overflowed and are computed again.
type ScaleEvent struct {
	Step  int     // from 1
	Scale float64 // the lower one
}

// begin is the scale of the next try, 1 without scaling.
func (l *LossScaling) begin(s *ScaleState) float64 {
	if l == nil {
		return 1
	}
	if s.Scale == 0 {
		s.Scale = l.Initial
	}
	return s.Scale
}

// fitted takes in a step whose gradients were finite.
func (l *LossScaling) fitted(s *ScaleState) {
	if l == nil {
		return
	}
	if s.Good++; s.Good >= l.Interval {
		s.Scale, s.Good = min(2*s.Scale, maxScale), 0
	}
}

// lower takes in gradients that were not finite; false says that no lower scale would help.
func (l *LossScaling) lower(s *ScaleState) bool {
	if l == nil || s.Scale <= minScale {
		return false
	}
	s.Scale, s.Good = max(s.Scale/2, minScale), 0
	return true
}
