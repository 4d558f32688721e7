package vulkan

import (
	"math"
	"strings"
	"testing"
)

// One wrong element of a product is found, wherever it is.
func TestWrongProduct(t *testing.T) {
	const rows, inputs, outputs = 5, 12, 3
	x, w := probeValues(rows*inputs, 1), probeValues(outputs*inputs, 2)
	right := make([]float32, rows*outputs)
	for r := range rows {
		for o := range outputs {
			for i := range inputs {
				right[r*outputs+o] += x[r*inputs+i] * w[o*inputs+i]
			}
		}
	}
	if err := wrongProduct(x, w, floatBytes(right), inputs, 1e-5); err != nil {
		t.Error(err)
	}
	for i := range right {
		for _, wrong := range []float32{0, right[i] * 1.001, float32(math.NaN()), float32(math.Inf(1))} {
			y := append([]float32(nil), right...)
			y[i] = wrong
			if err := wrongProduct(x, w, floatBytes(y), inputs, 1e-5); err == nil || !strings.Contains(err.Error(), "computes wrongly") {
				t.Errorf("element %d is %g instead of %g: %v", i, wrong, right[i], err)
			}
		}
	}
}
