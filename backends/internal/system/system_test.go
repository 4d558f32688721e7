package system

import (
	"runtime"
	"testing"
)

// A test runs in more than a MiB, on a machine with less than a PiB.
func TestAvailableMemory(t *testing.T) {
	n := AvailableMemory()
	known := map[string]bool{"linux": true, "windows": true, "darwin": true}[runtime.GOOS]
	if known && (n < 1<<20 || n > 1<<50) || !known && n != 0 {
		t.Errorf("%d bytes of memory on %s", n, runtime.GOOS)
	}
	if ProcessorName() == "" {
		t.Error("the processor has no name")
	}
}
