package vulkan

import (
	"os"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
)

// withDevice says whether tests have a device. Where LORAEDGE_VULKAN_DEVICE
// names one it must be there; without it the tests that need none run alone.
func withDevice(t *testing.T) bool {
	t.Helper()
	if os.Getenv("LORAEDGE_VULKAN_DEVICE") == "" {
		t.Log("nothing was run on a device: LORAEDGE_VULKAN_DEVICE names none")
		return false
	}
	return true
}

func open(t *testing.T) backends.Backend {
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// lacking are the instructions without a kernel.
func lacking() []program.Op {
	var list []program.Op
	for _, op := range program.Ops() {
		if lowerings[op] == nil {
			list = append(list, op)
		}
	}
	return list
}

// narrowStep is a prime, so that every variant of a case comes up with some shape and type.
const narrowStep = 41

func TestConformance(t *testing.T) {
	if withDevice(t) {
		bt.Run(t, open, bt.Options{Lacks: lacking(), NarrowStep: narrowStep})
	}
}

// Activations in 16 bits, on matrix units for the types that the device has, and by the kernels in float32.
func TestNarrow(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	b.device.matrices = onAll
	for _, op := range program.Ops() {
		t.Run(op.String(), func(t *testing.T) { bt.RunNarrow(t, op, b, nil, narrowStep) })
	}
}
