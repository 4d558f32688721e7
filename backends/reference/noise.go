package reference

import (
	"math"

	"github.com/loraedge/loraedge/core/program"
)

// noise: y += Scale/√(L·C)·u, L the length of the row's document.
func noise[F Float](t *step[F]) {
	if !t.s.Training {
		return
	}
	first, last, index, y := t.in[0], t.in[1], t.in[2], t.out[0]
	for r := range y.rows {
		length := last.ints[r] - first.ints[r] + 1
		size := float64(t.Scale) / math.Sqrt(float64(length)*float64(y.cols))
		key := program.RowKey(t.s.Seed, t.s.DropoutStep, program.NoiseModule, uint32(index.ints[r]))
		for c := range y.cols {
			y.add(r, c, size*float64(program.NoiseUnit(program.Keep(key, uint32(c)))))
		}
	}
}
