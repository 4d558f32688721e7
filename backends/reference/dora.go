package reference

import "math"

// weightNorm: n[o] = ‖w[o, :] + Scale·b[o, :]·a‖.
func weightNorm[F Float](t *step[F]) {
	w, a, b, n := t.in[0], t.in[1], t.in[2], t.out[0]
	for o := range w.rows {
		var squares float64
		for i := range w.cols {
			v := w.at(o, i) + float64(t.Scale)*dotColumn(b.row(o), a, i)
			squares += v * v
		}
		n.set(0, o, math.Sqrt(squares))
	}
}

// magnitudeFactor: f[o] = Offset + Adapter·(m[o]/n[o] − 1).
func (t *step[F]) magnitudeFactor(m, n matrix[F], o int) float64 {
	return float64(t.Offset) + float64(t.s.Adapter)*(m.at(0, o)/n.at(0, o)-1)
}

// magnitude: y = x∘f + bias.
func magnitude[F Float](t *step[F]) {
	x, m, n, bias, y := t.in[0], t.in[1], t.in[2], t.in[3], t.out[0]
	for r := range x.rows {
		for o := range x.cols {
			v := x.at(r, o) * t.magnitudeFactor(m, n, o)
			if bias.given() {
				v += bias.at(0, o)
			}
			t.put(y, r, o, v)
		}
	}
}

// magnitudeGrad: dx = dy∘f, dm += Adapter·Σ over rows of dy∘x / n.
func magnitudeGrad[F Float](t *step[F]) {
	dy, x, m, n, dx, dm := t.in[0], t.in[1], t.in[2], t.in[3], t.out[0], t.out[1]
	for o := range x.cols {
		var sum float64
		for r := range x.rows {
			dx.set(r, o, dy.at(r, o)*t.magnitudeFactor(m, n, o))
			sum += dy.at(r, o) * x.at(r, o)
		}
		dm.add(0, o, float64(t.s.Adapter)*sum/n.at(0, o))
	}
}

// drop: y = drop(x).
func drop[F Float](t *step[F]) {
	x, index, y := t.in[0], t.in[1], t.out[0]
	for r := range x.rows {
		kept := t.mask(index, r)
		for c := range x.cols {
			t.put(y, r, c, kept(c)*x.at(r, c))
		}
	}
}
