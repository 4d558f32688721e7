package reference

import "math"

// rmsNorm: y = x·rstd·(Offset + w), rstd = 1/sqrt(mean(x²) + Eps), in groups of
// w.cols columns (Zhang and Sennrich, 2019).
func rmsNorm[F Float](t *step[F]) {
	x, w, y, rstd := t.in[0], t.in[1], t.out[0], t.out[1]
	n := w.cols
	for r := range x.rows {
		for g := range rstd.cols {
			var squares float64
			for c := range n {
				squares += x.at(r, g*n+c) * x.at(r, g*n+c)
			}
			s := 1 / math.Sqrt(squares/float64(n)+float64(t.Eps))
			rstd.set(r, g, s)
			for c := range n {
				y.set(r, g*n+c, x.at(r, g*n+c)*s*(float64(t.Offset)+w.at(0, c)))
			}
		}
	}
}

// rmsNormGrad: dx = rstd·(g − x̂·mean(g·x̂)), g = dy·(Offset + w), x̂ = x·rstd.
func rmsNormGrad[F Float](t *step[F]) {
	x, w, rstd, dy, dx := t.in[0], t.in[1], t.in[2], t.in[3], t.out[0]
	n := w.cols
	for r := range x.rows {
		for g := range rstd.cols {
			s := rstd.at(r, g)
			gradient := func(c int) float64 { return dy.at(r, g*n+c) * (float64(t.Offset) + w.at(0, c)) }
			var mean float64
			for c := range n {
				mean += gradient(c) * x.at(r, g*n+c) * s / float64(n)
			}
			for c := range n {
				t.put(dx, r, g*n+c, s*(gradient(c)-x.at(r, g*n+c)*s*mean))
			}
		}
	}
}

// rmsNormWeightGrad: dw += Σ over rows and groups of dy·x·rstd.
func rmsNormWeightGrad[F Float](t *step[F]) {
	x, rstd, dy, dw := t.in[0], t.in[1], t.in[2], t.out[0]
	n := dw.cols
	for c := range n {
		var sum float64
		for r := range x.rows {
			for g := range rstd.cols {
				sum += dy.at(r, g*n+c) * x.at(r, g*n+c) * rstd.at(r, g)
			}
		}
		dw.add(0, c, sum)
	}
}
