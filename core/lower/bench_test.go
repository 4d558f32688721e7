package lower_test

import (
	"fmt"
	"testing"

	"github.com/loraedge/loraedge/core/lower"
)

// BenchmarkLower plans a model of 32 blocks with all its entries, as the planner
// does many times.
func BenchmarkLower(b *testing.B) {
	g := tall(32)
	for _, c := range []struct {
		keep, micros int
	}{{0, 1}, {lower.KeepAll, 1}, {0, 16}, {lower.KeepAll, 16}} {
		b.Run(fmt.Sprintf("keep_%d_micros_%d", min(c.keep, 32), c.micros), func(b *testing.B) {
			for b.Loop() {
				o := lower.Options{
					Train: []int{512, 1024, 1536, 2048}, Decode: []int{1, 64}, Cache: 1024, Adapter: allLinear(16, 0.1),
					Keep: c.keep, Micros: c.micros, MaxBlock: 1 << 30,
				}
				if _, err := lower.Lower(g, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
