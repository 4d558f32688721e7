//go:build !cgo

package cpu

import "github.com/loraedge/loraedge/core/program"

// rowSet is a matrix whose rows lie stride apart, so that products are between rows.
type rowSet struct {
	data   []float32
	stride int
}

func (s rowSet) part(r, from, to int) []float32 { return s.data[r*s.stride+from : r*s.stride+to] }

const (
	tileM, tileN = 3, 2
	kBlock       = 1024
	mTask        = 12 * tileM
	nTask        = 32 * tileN
)

// dot3x2 is the dot products of three rows with two, all of one length: as
// many sums as the compiler keeps in registers.
func dot3x2(a0, a1, a2, b0, b1 []float32) (s [tileM][tileN]float32) {
	n := len(a0)
	a1, a2, b0, b1 = a1[:n], a2[:n], b0[:n], b1[:n]
	var s00, s01, s10, s11, s20, s21 float32
	for k, v := range a0 {
		x, y := b0[k], b1[k]
		s00 += v * x
		s01 += v * y
		v = a1[k]
		s10 += v * x
		s11 += v * y
		v = a2[k]
		s20 += v * x
		s21 += v * y
	}
	return [tileM][tileN]float32{{s00, s01}, {s10, s11}, {s20, s21}}
}

// product adds a·bᵀ over k columns to c [m, n]; rows beyond the last repeat it.
func (t *turn) product(a, b rowSet, m, n, k int, c operand) {
	columns := (n + nTask - 1) / nTask
	t.parallel((m+mTask-1)/mTask*columns, func(task int) {
		m0, n0 := task/columns*mTask, task%columns*nTask
		m1, n1 := min(m0+mTask, m), min(n0+nTask, n)
		for k0 := 0; k0 < k; k0 += kBlock {
			k1 := min(k0+kBlock, k)
			for j := n0; j < n1; j += tileN {
				b0, b1 := b.part(j, k0, k1), b.part(min(j+1, n1-1), k0, k1)
				for i := m0; i < m1; i += tileM {
					last := m1 - 1
					s := dot3x2(a.part(i, k0, k1), a.part(min(i+1, last), k0, k1), a.part(min(i+2, last), k0, k1), b0, b1)
					for di := range min(tileM, m1-i) {
						row := c.row(i + di)
						for dj := range min(tileN, n1-j) {
							row[j+dj] += s[di][dj]
						}
					}
				}
			}
		}
	})
}

func asRows(m operand) rowSet { return rowSet{m.f, m.cols} }

// transposed is the columns of m as rows.
func (t *turn) transposed(m operand) rowSet {
	to := rowSet{make([]float32, m.rows*m.cols), m.rows}
	t.spans(m.rows, 64, func(from, end int) {
		for c := range m.cols {
			for r := from; r < end; r++ {
				to.data[c*m.rows+r] = m.f[r*m.cols+c]
			}
		}
	})
	return to
}

// dropout returns the factor of column c in row r, or nil where nothing drops.
func (t *turn) dropout(index operand) func(r int) func(c int) float32 {
	if t.Dropout.P == 0 || !t.s.Training {
		return nil
	}
	threshold, keep := program.Threshold(t.Dropout.P), 1/(1-t.Dropout.P)
	return func(r int) func(c int) float32 {
		key := program.RowKey(t.s.Seed, t.s.DropoutStep, t.Dropout.Module, uint32(index.i[r]))
		return func(c int) float32 {
			if program.Keep(key, uint32(c)) < threshold {
				return 0
			}
			return keep
		}
	}
}

// dropped is drop(x)·scale, x itself where that changes nothing.
func (t *turn) dropped(x, index operand, scale float32) operand {
	drop := t.dropout(index)
	if drop == nil && scale == 1 {
		return x
	}
	y := operand{f: make([]float32, len(x.f)), rows: x.rows, cols: x.cols}
	t.rows(x.rows, func(r int) {
		to, factor := y.row(r), func(int) float32 { return 1 }
		if drop != nil {
			factor = drop(r)
		}
		for c, v := range x.row(r) {
			to[c] = v * factor(c) * scale
		}
	})
	return y
}

// prepare clears an output that is replaced.
func (t *turn) prepare(y operand) {
	if !t.Accumulate {
		clear(y.f)
	}
}

func (t *turn) linear() {
	x, w, bias, u, b, index, y := t.in[0], t.in[1], t.in[2], t.in[3], t.in[4], t.in[5], t.out[0]
	whole := float32(1)
	if t.Adapter {
		whole = t.s.Adapter
	}
	t.prepare(y)
	if bias.rows > 0 {
		t.rows(y.rows, func(r int) { addScaled(y.row(r), bias.f, whole) })
	}
	if u.rows > 0 {
		t.product(asRows(scaledRows(u, whole)), asRows(b), y.rows, y.cols, u.cols, y)
	}
	t.product(asRows(t.dropped(x, index, t.Scale*whole)), asRows(t.floats(w)), y.rows, y.cols, x.cols, y)
}

func scaledRows(x operand, scale float32) operand {
	if scale == 1 {
		return x
	}
	y := operand{f: make([]float32, len(x.f)), rows: x.rows, cols: x.cols}
	addScaled(y.f, x.f, scale)
	return y
}

func (t *turn) linearGrad() {
	dy, w, du, a, index, dx := t.in[0], t.in[1], t.in[2], t.in[3], t.in[4], t.out[0]
	t.prepare(dx)
	if du.rows > 0 {
		low := dx
		drop := t.dropout(index)
		if drop != nil {
			low.f = make([]float32, len(dx.f))
		}
		t.product(asRows(du), t.transposed(a), dx.rows, dx.cols, du.cols, low)
		if drop != nil {
			t.rows(dx.rows, func(r int) {
				factor, to := drop(r), dx.row(r)
				for c, v := range low.row(r) {
					to[c] += v * factor(c)
				}
			})
		}
	}
	t.product(asRows(scaledRows(dy, t.Scale)), t.transposed(t.floats(w)), dx.rows, dx.cols, dy.cols, dx)
}

func (t *turn) linearWeightGrad() {
	dy, x, index, dw := t.in[0], t.in[1], t.in[2], t.out[0]
	t.product(t.transposed(dy), t.transposed(t.dropped(x, index, 1)), dw.rows, dw.cols, dy.rows, dw)
}

func (t *turn) biasGrad() {
	dy, db := t.in[0], t.out[0]
	sums := make([]float32, dy.cols)
	for r := range dy.rows {
		addScaled(sums, dy.row(r), 1)
	}
	addScaled(db.f, sums, 1)
}

// addScaled: to += scale·x.
func addScaled(to, x []float32, scale float32) {
	to = to[:len(x)]
	for i, v := range x {
		to[i] += scale * v
	}
}

// dot is Σ a·b in eight interleaved sums.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s [8]float32
	for len(a) >= 8 && len(b) >= 8 {
		s[0] += a[0] * b[0]
		s[1] += a[1] * b[1]
		s[2] += a[2] * b[2]
		s[3] += a[3] * b[3]
		s[4] += a[4] * b[4]
		s[5] += a[5] * b[5]
		s[6] += a[6] * b[6]
		s[7] += a[7] * b[7]
		a, b = a[8:], b[8:]
	}
	for i, v := range a {
		s[0] += v * b[i]
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}
