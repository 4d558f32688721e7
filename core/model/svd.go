package model

import (
	"math"
	"math/rand/v2"
	"sync"
)

// oversampling is how many directions more than wanted the iteration follows;
// exactBelow is the size up to which it follows all of them.
const (
	oversampling = 16
	exactBelow   = 64
	rounds       = 8
)

// principal finds the r largest singular values of w [rows, cols] with their
// vectors: u [r][rows], s [r], v [r][cols]. It is subspace iteration on wᵀw (Halko, Martinsson and
// Tropp, 2011, section 4.5), exact up to rounding where the smaller side is small.
func principal(w []float32, rows, cols, r int, seed uint64) (u [][]float64, s []float64, v [][]float64) {
	k := min(r+oversampling, rows, cols)
	if min(rows, cols) <= exactBelow {
		k = min(rows, cols)
	}
	random := rand.New(rand.NewPCG(seed, 3<<32))
	v = make([][]float64, k)
	for i := range v {
		v[i] = make([]float64, cols)
		for c := range v[i] {
			v[i][c] = random.NormFloat64()
		}
	}
	orthonormal(v)
	for range rounds {
		v = timesTransposed(w, rows, cols, times(w, rows, cols, v))
		orthonormal(v)
	}
	// The small problem: w·v = y, and yᵀy = q·diag(s²)·qᵀ.
	y := times(w, rows, cols, v)
	squares, q := eigen(gram(y))
	u, v = combine(y, q, r), combine(v, q, r)
	for i := range r {
		s = append(s, math.Sqrt(max(squares[i], 0)))
		for c := range u[i] {
			if s[i] > 0 {
				u[i][c] /= s[i]
			}
		}
	}
	return u, s, v
}

// times is w·x for each x [cols]; the results are [rows].
func times(w []float32, rows, cols int, x [][]float64) [][]float64 {
	return each(len(x), func(i int) []float64 {
		y := make([]float64, rows)
		for r := range y {
			var sum float64
			for c, v := range w[r*cols : (r+1)*cols] {
				sum += float64(v) * x[i][c]
			}
			y[r] = sum
		}
		return y
	})
}

// timesTransposed is wᵀ·y for each y [rows].
func timesTransposed(w []float32, rows, cols int, y [][]float64) [][]float64 {
	return each(len(y), func(i int) []float64 {
		x := make([]float64, cols)
		for r := range rows {
			f := y[i][r]
			for c, v := range w[r*cols : (r+1)*cols] {
				x[c] += f * float64(v)
			}
		}
		return x
	})
}

// each computes n vectors at the same time.
func each(n int, vector func(i int) []float64) [][]float64 {
	all := make([][]float64, n)
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() { all[i] = vector(i) })
	}
	running.Wait()
	return all
}

// orthonormal makes vectors orthogonal and of length 1, by Gram and Schmidt's
// way twice.
func orthonormal(x [][]float64) {
	for i := range x {
		for range 2 {
			for j := range i {
				f := inner(x[i], x[j])
				for c := range x[i] {
					x[i][c] -= f * x[j][c]
				}
			}
		}
		length := math.Sqrt(inner(x[i], x[i]))
		for c := range x[i] {
			if length > 0 {
				x[i][c] /= length
			}
		}
	}
}

func inner(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func gram(x [][]float64) [][]float64 {
	return each(len(x), func(i int) []float64 {
		row := make([]float64, len(x))
		for j := range x {
			row[j] = inner(x[i], x[j])
		}
		return row
	})
}

// combine is Σ over k of x[k]·q[k][i] for i below n.
func combine(x, q [][]float64, n int) [][]float64 {
	return each(n, func(i int) []float64 {
		y := make([]float64, len(x[0]))
		for k := range x {
			for c, v := range x[k] {
				y[c] += v * q[k][i]
			}
		}
		return y
	})
}
