//go:build !windows

package safetensors

import (
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
)

// A file replaced while it is open keeps its old bytes for who has it open.
func TestReplaceOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	source := func(v float32) []Source { return []Source{FromFloat32s("a", []int{1}, []float32{v}, dtype.F32)} }
	if err := Write(path, source(1), nil); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, path)
	if err := Write(path, source(2), nil); err != nil {
		t.Fatal(err)
	}
	old, _ := f.Tensor("a")
	if v, err := Float32s(old); err != nil || v[0] != 1 {
		t.Errorf("read %v, %v", v, err)
	}
}
