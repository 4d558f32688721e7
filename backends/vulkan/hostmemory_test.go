package vulkan

import (
	"errors"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/program"
)

// What waits in the host's memory must fit it; what lies on the device does not count.
func TestHostMemory(t *testing.T) {
	free := int64(3 << 30)
	defer func(f func() int64) { hostMemory = f }(hostMemory)
	hostMemory = func() int64 { return free }
	p := &program.Program{Blocks: []program.Block{{Class: program.Weights, Size: 8 << 30}, {Class: program.Host, Size: 2 << 30}, {Class: program.Parked, Size: 2 << 30}}}
	err := checkHostMemory(p)
	if !errors.Is(err, errHostMemory) || !strings.Contains(err.Error(), "4.00 GiB of weights and activations are to wait there, and 3.00 GiB are free") {
		t.Errorf("error %v", err)
	}
	for _, n := range []int64{4 << 30, 0} { // enough, and unknown
		if free = n; checkHostMemory(p) != nil {
			t.Errorf("%d bytes are free: refused", n)
		}
	}
	free = 1
	if p.Blocks = p.Blocks[:1]; checkHostMemory(p) != nil {
		t.Error("a program without a block of the host is refused")
	}
}
