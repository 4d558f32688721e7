package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/formats/dtype"
)

// What is held in 16 bits: results that only products read. The gate's inputs (10, 11) and
// sums that are added to, normalised or rotated stay F32.
func TestNarrowActivations(t *testing.T) {
	norms, rope, rest := "0.rms_norm 9.rms_norm", "4.rope 5.rope gradient", "6.attention 12.gated da db"
	for _, c := range []struct {
		name string
		o    lower.Options
		want string
	}{
		{"none", lower.Options{}, ""},
		{"no device takes them", lower.Options{Compute: dtype.BF16}, ""},
		{"recomputed", lower.Options{Compute: dtype.BF16, Narrow: true}, norms + " " + rope + " " + rest},
		{"kept", lower.Options{Compute: dtype.F16, Narrow: true, Keep: lower.KeepAll}, norms + " " + rope + " " + rest},
		{"results of linears", lower.Options{Compute: dtype.BF16, Narrow: true, NarrowLinears: true}, norms + " " + rope + " " + rest + " 3.linear dv gradient u du"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Train, c.o.Adapter = []int{rows}, allLinear(2, 0)
			m := start(t, tinyModel(false), c.o)
			found := map[string]bool{}
			for _, s := range m.Program.Segments {
				if !strings.HasPrefix(s.Name, "block") {
					continue
				}
				for _, x := range append(slices.Clone(s.Params), s.Locals...) {
					if x.DType == c.o.Compute && x.DType != dtype.Invalid {
						found[x.Name] = true
					}
				}
			}
			for n := range found { // adapters' u and du count as one each
				if _, after, ok := strings.Cut(n, "."); ok && (after == "u" || after == "du") {
					delete(found, n)
					found[after] = true
				}
			}
			want := map[string]bool{}
			for _, n := range strings.Fields(c.want) {
				want[n] = true
			}
			for n := range found {
				if !want[n] {
					t.Errorf("%s is narrow", n)
				}
			}
			for n := range want {
				if !found[n] {
					t.Errorf("%s is not narrow", n)
				}
			}
		})
	}
}
