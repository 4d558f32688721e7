package reference

import "github.com/loraedge/loraedge/core/program"

// linear: y = Scale·drop(x)·wᵀ + bias + u·bᵀ, all times Scalars.Adapter where
// the instruction is an adapter's.
func linear[F Float](t *step[F]) {
	x, w, bias, u, b, index, y := t.in[0], t.factor(t.in[1]), t.in[2], t.factor(t.in[3]), t.factor(t.in[4]), t.in[5], t.out[0]
	adapter := 1.0
	if t.Adapter {
		adapter = float64(t.s.Adapter)
	}
	for r := range y.rows {
		xr := t.dropped(x, index, r)
		for o := range y.cols {
			v := float64(t.Scale) * dot(xr, w.row(o))
			if bias.given() {
				v += bias.at(0, o)
			}
			if u.given() {
				v += dot(u.row(r), b.row(o))
			}
			t.put(y, r, o, adapter*v)
		}
	}
}

// linearGrad: dx = Scale·dy·w + drop'(du·a).
func linearGrad[F Float](t *step[F]) {
	dy, w, du, a, index, dx := t.factor(t.in[0]), t.factor(t.in[1]), t.factor(t.in[2]), t.factor(t.in[3]), t.in[4], t.out[0]
	for r := range dx.rows {
		kept := t.mask(index, r)
		for i := range dx.cols {
			v := float64(t.Scale) * dotColumn(dy.row(r), w, i)
			if du.given() {
				v += kept(i) * dotColumn(du.row(r), a, i)
			}
			t.put(dx, r, i, v)
		}
	}
}

// linearWeightGrad: dw += dyᵀ·drop(x).
func linearWeightGrad[F Float](t *step[F]) {
	dy, x, index, dw := t.factor(t.in[0]), t.in[1], t.in[2], t.out[0]
	sum := make([]float64, dw.rows*dw.cols)
	for r := range x.rows {
		xr := t.dropped(x, index, r)
		for o := range dw.rows {
			for i, v := range xr {
				sum[o*dw.cols+i] += dy.at(r, o) * v
			}
		}
	}
	for n, v := range sum {
		dw.add(n/dw.cols, n%dw.cols, v)
	}
}

// biasGrad: db += column sums of dy.
func biasGrad[F Float](t *step[F]) {
	dy, db := t.in[0], t.out[0]
	for o := range db.cols {
		var sum float64
		for r := range dy.rows {
			sum += dy.at(r, o)
		}
		db.add(0, o, sum)
	}
}

// mask returns, for the columns of row r, the factor of dropout: 0 or 1/(1−P).
func (t *step[F]) mask(index matrix[F], r int) func(column int) float64 {
	if t.Dropout.P == 0 || !t.s.Training {
		return func(int) float64 { return 1 }
	}
	key := program.RowKey(t.s.Seed, t.s.DropoutStep, t.Dropout.Module, uint32(index.ints[r]))
	threshold := program.Threshold(t.Dropout.P)
	return func(column int) float64 {
		if program.Keep(key, uint32(column)) < threshold {
			return 0
		}
		return 1 / (1 - float64(t.Dropout.P))
	}
}

// dropped is row r of drop(x), rounded to Attr.Compute.
func (t *step[F]) dropped(x, index matrix[F], r int) []float64 {
	kept := t.mask(index, r)
	row := make([]float64, x.cols)
	for c := range row {
		row[c] = t.round(kept(c) * x.at(r, c))
	}
	return row
}

func dot[A, B Float](a []A, b []B) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// dotColumn is a · column c of m.
func dotColumn[F Float](a []F, m matrix[F], c int) float64 {
	var sum float64
	for r := range a {
		sum += float64(a[r]) * m.at(r, c)
	}
	return sum
}
