//go:build !cgo

package cpu

import "testing"

// BenchmarkProduct is the plain Go product, in GFLOP/s on all threads.
func BenchmarkProduct(b *testing.B) {
	const m, n, k = 512, 512, 512
	t := &turn{threads: 2}
	x, y := rowSet{make([]float32, m*k), k}, rowSet{make([]float32, n*k), k}
	c := operand{f: make([]float32, m*n), rows: m, cols: n}
	for b.Loop() {
		t.product(x, y, m, n, k, c)
	}
	b.ReportMetric(2*m*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
