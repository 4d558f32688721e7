package vulkan

import (
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
)

// A run that is too short is made longer; the fastest counts.
func TestFastest(t *testing.T) {
	runs := 0
	got, err := fastest(func(groups int) (float64, error) {
		runs++
		took := float64(groups) / 1e6
		if runs%2 == 0 {
			took *= 1.5 // a neighbour
		}
		return took, nil
	}, 10)
	if err != nil || got < 0.99e7 || got > 1.01e7 {
		t.Errorf("%g, %v; want 1e7", got, err)
	}
}

// Every device has plain multiply-adds; those of matrix units are measured
// where they are used.
func TestPeak(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		got, err := b.Peak(d)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f GFLOP/s", d, got/1e9)
		_, ok := unitFor(&b.device.Info, d)
		if want := d == dtype.F32 || ok && b.device.matrices[d]; (got > 0) != want {
			t.Errorf("%s: %g", d, got)
		}
	}
}
