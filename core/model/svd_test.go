package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A matrix with known singular values: the iteration finds the largest, exactly
// where it follows all directions, nearly where it follows some.
func TestPrincipal(t *testing.T) {
	for _, c := range []struct {
		rows, cols, r int
		bound         float64
	}{{30, 50, 4, 1e-6}, {50, 30, 30, 1e-6}, {200, 150, 8, 1e-4}, {90, 300, 1, 1e-4}} {
		random := rand.New(rand.NewPCG(4, uint64(c.rows)))
		n := min(c.rows, c.cols)
		left, right := randomVectors(random, n, c.rows), randomVectors(random, n, c.cols)
		w := make([]float32, c.rows*c.cols)
		value := func(k int) float64 { return 3 / math.Sqrt(float64(k+1)) } // as slow to fall as weights'
		for k := range n {
			for i := range w {
				w[i] += float32(value(k) * left[k][i/c.cols] * right[k][i%c.cols])
			}
		}
		u, s, v := principal(w, c.rows, c.cols, c.r, 1)
		for k := range c.r {
			if math.Abs(s[k]-value(k)) > c.bound*value(k) {
				t.Errorf("%dx%d: singular value %d is %v, wanted %v", c.rows, c.cols, k, s[k], value(k))
			}
			if a, b := math.Abs(inner(u[k], left[k])), math.Abs(inner(v[k], right[k])); a < 1-100*c.bound || b < 1-100*c.bound {
				t.Errorf("%dx%d: vectors %d have cosines %v and %v to the right ones", c.rows, c.cols, k, a, b)
			}
		}
	}
}

func randomVectors(random *rand.Rand, n, size int) [][]float64 {
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, size)
		for c := range x[i] {
			x[i][c] = random.NormFloat64()
		}
	}
	orthonormal(x)
	return x
}
