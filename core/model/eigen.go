package model

import (
	"math"
	"sort"
)

// eigen finds the eigenvalues of a symmetric matrix, largest first, and its
// eigenvectors as columns of q, by Jacobi's rotations.
func eigen(a [][]float64) (values []float64, q [][]float64) {
	n := len(a)
	q = make([][]float64, n)
	for i := range q {
		q[i] = make([]float64, n)
		q[i][i] = 1
	}
	for range 60 {
		var off, all float64
		for i := range n {
			for j := range n {
				all += a[i][j] * a[i][j]
				if i != j {
					off += a[i][j] * a[i][j]
				}
			}
		}
		if off <= 1e-28*all {
			break
		}
		for i := range n {
			for j := i + 1; j < n; j++ {
				rotate(a, q, i, j)
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(x, y int) bool { return a[order[x]][order[x]] > a[order[y]][order[y]] })
	sorted := make([][]float64, n)
	for r := range sorted {
		sorted[r] = make([]float64, n)
		for c, from := range order {
			sorted[r][c] = q[r][from]
		}
	}
	for _, i := range order {
		values = append(values, a[i][i])
	}
	return values, sorted
}

// rotate makes a[i][j] zero.
func rotate(a, q [][]float64, i, j int) {
	if a[i][j] == 0 {
		return
	}
	theta := (a[j][j] - a[i][i]) / (2 * a[i][j])
	t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(t*t+1)
	s := t * c
	for k := range a {
		a[k][i], a[k][j] = c*a[k][i]-s*a[k][j], s*a[k][i]+c*a[k][j]
	}
	for k := range a {
		a[i][k], a[j][k] = c*a[i][k]-s*a[j][k], s*a[i][k]+c*a[j][k]
	}
	for k := range q {
		q[k][i], q[k][j] = c*q[k][i]-s*q[k][j], s*q[k][i]+c*q[k][j]
	}
}
