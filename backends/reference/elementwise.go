package reference

import "math"

// activation returns act(a) and act'(a).
func activation(name string, a float64) (value, slope float64) {
	switch name {
	case "silu": // a·σ(a)
		s := 1 / (1 + math.Exp(-a))
		return a * s, s * (1 + a*(1-s))
	case "gelu": // a·Φ(a), Φ the normal distribution (Hendrycks and Gimpel, 2016)
		cdf := 0.5 * math.Erfc(-a/math.Sqrt2)
		return a * cdf, cdf + a*math.Exp(-a*a/2)/math.Sqrt(2*math.Pi)
	default: // gelu_tanh, the same paper's approximation
		k := math.Sqrt(2 / math.Pi)
		th := math.Tanh(k * (a + 0.044715*a*a*a))
		return 0.5 * a * (1 + th), 0.5*(1+th) + 0.5*a*(1-th*th)*k*(1+3*0.044715*a*a)
	}
}

func gated[F Float](t *step[F]) {
	a, b, y := t.in[0], t.in[1], t.out[0]
	for i := range y.data {
		value, _ := activation(t.Activation, float64(a.data[i]))
		y.data[i] = F(value * float64(b.data[i]))
	}
}

func gatedGrad[F Float](t *step[F]) {
	a, b, dy, da, db := t.in[0], t.in[1], t.in[2], t.out[0], t.out[1]
	for i := range dy.data {
		value, slope := activation(t.Activation, float64(a.data[i]))
		da.data[i] = F(float64(dy.data[i]) * float64(b.data[i]) * slope)
		db.data[i] = F(float64(dy.data[i]) * value)
	}
}

func add[F Float](t *step[F]) {
	a, b, y := t.in[0], t.in[1], t.out[0]
	for i := range y.data {
		y.data[i] = F(float64(a.data[i]) + float64(b.data[i]))
	}
}
