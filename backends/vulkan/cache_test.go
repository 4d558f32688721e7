package vulkan

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A run leaves a file that the next one takes; one that was damaged, or cannot
// be written, is as none.
func TestCache(t *testing.T) {
	if !withDevice(t) {
		return
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	use := func() *cache {
		t.Helper()
		b, err := New(Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := b.device.cache
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := use()
	first, err := os.ReadFile(c.path)
	if err != nil || c.old != nil || unseal(first) == nil {
		t.Fatalf("the first run left %d bytes, %v", len(first), err)
	}
	if c := use(); !bytes.Equal(c.old, unseal(first)) {
		t.Errorf("the second run took %d bytes, not those of the first", len(c.old))
	}
	damaged := bytes.Clone(first)
	damaged[len(damaged)-1] ^= 1
	if err := os.WriteFile(c.path, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	if c := use(); c.old != nil {
		t.Error("a damaged file was taken")
	}
	again, err := os.ReadFile(c.path)
	if err != nil || unseal(again) == nil {
		t.Errorf("a damaged file was not replaced: %d bytes, %v", len(again), err)
	}
	dir = filepath.Join(c.path, "below a file")
	use()
}

func FuzzUnseal(f *testing.F) {
	f.Add(seal([]byte("kernels")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if data := unseal(sealed); data != nil && !bytes.Equal(seal(data), sealed) {
			t.Errorf("%x became %x", sealed, data)
		}
	})
}
