//go:build unix

package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
)

// A file of weights that another program cuts short while they are loaded is an error that
// names the file; without help reading it would stop the process.
func TestWeightsCutShort(t *testing.T) {
	for device, d := range withVulkan(t, devices(t)) {
		t.Run(device, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(goldens, "llama"))); err != nil {
				t.Fatal(err)
			}
			b, err := model.Open(dir, inProcess{}, 64, false)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			weights := filepath.Join(dir, "model.safetensors")
			if err := os.Truncate(weights, 4096); err != nil {
				t.Fatal(err)
			}
			s, err := b.Start(d, lower.Options{Train: []int{goldenRows}}, 7, nil)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), weights) || !strings.Contains(err.Error(), "cut short") {
				t.Errorf("error %v", err)
			}
		})
	}
}
