package reference

import "math"

// rope rotates pairs of columns of every head by position·invFreq (Su et al.,
// 2021). The pair is i, i+n/2 of the n rotated columns, or 2i, 2i+1.
func rope[F Float](t *step[F]) {
	x, positions, invFreq, y := t.in[0], t.in[1], t.in[2], t.out[0]
	pairs := invFreq.cols
	for r := range x.rows {
		copy(y.row(r), x.row(r))
		for i := range pairs {
			// The product is a float32, as in the models' own code.
			angle := float64(float32(positions.ints[r]) * float32(invFreq.data[i]))
			if t.Inverse {
				angle = -angle
			}
			sin, cos := math.Sincos(angle)
			sin, cos = sin*float64(t.Scale), cos*float64(t.Scale)
			for h := range t.Heads {
				a, b := h*t.HeadDim+i, h*t.HeadDim+i+pairs
				if t.Interleaved {
					a, b = h*t.HeadDim+2*i, h*t.HeadDim+2*i+1
				}
				xa, xb := y.at(r, a), y.at(r, b)
				y.set(r, a, xa*cos-xb*sin)
				y.set(r, b, xb*cos+xa*sin)
			}
		}
	}
}
