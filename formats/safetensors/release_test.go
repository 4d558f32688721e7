package safetensors

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
)

// A released tensor reads as before, and so do its neighbours.
func TestRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	content := func(n int, step byte) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i) * step
		}
		return data
	}
	sizes := map[string]int{"a": 5000, "b": 1 << 20, "c": 3, "d": 12288}
	var sources []Source
	for name, n := range sizes {
		sources = append(sources, Source{Name: name, DType: dtype.U8, Shape: []int{n}, Data: content(n, name[0])})
	}
	if err := Write(path, sources, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name := range sizes {
		if err := f.Release(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, n := range sizes {
		if tensor, _ := f.Tensor(name); !bytes.Equal(tensor.Data, content(n, name[0])) {
			t.Errorf("%s changed", name)
		}
	}
	if err := f.Release("missing"); err != nil {
		t.Error(err)
	}
}
