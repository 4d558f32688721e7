package vulkan

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// cache is a file with a device's compiled kernels, for the next run. It only
// saves time: whatever goes wrong with it leaves the run as it is without one.
type cache struct {
	path string
	// old is what the file had.
	old []byte
}

// openCache gives a device what an earlier run left for the same driver.
func openCache(d *vk.Device, dir string) *cache {
	if dir == "" {
		return nil
	}
	c := &cache{path: filepath.Join(dir, fmt.Sprintf("%x.pipelines", d.Info.CacheKey[:12]))}
	if sealed, err := os.ReadFile(c.path); err == nil {
		c.old = unseal(sealed)
	}
	if d.OpenCache(c.old) == nil {
		return c
	}
	if c.old = nil; d.OpenCache(nil) == nil {
		return c
	}
	return nil
}

// save writes what the device has by now, where that is new. The file is whole or not there.
func (c *cache) save(d *vk.Device) {
	if c == nil {
		return
	}
	data, err := d.CacheData()
	if err != nil || len(data) == 0 || bytes.Equal(data, c.old) || os.MkdirAll(filepath.Dir(c.path), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), "*.new")
	if err != nil {
		return
	}
	_, err = f.Write(seal(data))
	if f.Close() != nil || err != nil || os.Rename(f.Name(), c.path) != nil {
		os.Remove(f.Name())
	}
}

// seal puts a checksum before data: drivers trust what they are given.
func seal(data []byte) []byte {
	sum := sha256.Sum256(data)
	return append(sum[:], data...)
}

// unseal is the data that was sealed, nil where the bytes are others.
func unseal(sealed []byte) []byte {
	if len(sealed) <= sha256.Size {
		return nil
	}
	if sum := sha256.Sum256(sealed[sha256.Size:]); !bytes.Equal(sum[:], sealed[:sha256.Size]) {
		return nil
	}
	return sealed[sha256.Size:]
}
