package job

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/core/train"
)

// A lowered loss scale is told of on the screen and in the metrics.
func TestRescaled(t *testing.T) {
	dir := t.TempDir()
	screen, err := os.Create(filepath.Join(dir, "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	metrics, err := report.OpenMetrics(filepath.Join(dir, metricsFile), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Close()
	r := &run{Job: &Job{Deps: Deps{Progress: report.NewProgress(screen)}}, metrics: metrics}
	if err := r.Rescaled(train.ScaleEvent{Step: 7, Scale: 32768}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"screen":    "step 7: loss scale lowered to 32768: a gradient overflowed float16; the step is done again\n",
		metricsFile: `{"event":"loss_scale","step":7,"loss_scale":32768,"reason":"a gradient overflowed float16"}` + "\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v; want %q", name, got, err, want)
		}
	}
}
