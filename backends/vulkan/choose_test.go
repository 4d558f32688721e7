package vulkan

import (
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// good is a device that has all that is needed.
func good(name string, kind vk.Kind, memory int64) vk.Info {
	return vk.Info{
		Name: name, Kind: kind, Memory: memory, Version: [2]int{1, 3}, ComputeQueue: true,
		Features:           vk.Features{Address: true, Timeline: true, ScalarLayout: true, Storage16: true},
		SubgroupOperations: 0xff, PushConstants: 256, MaxInvocations: 1024, SharedMemory: 48 << 10,
	}
}

func TestChoose(t *testing.T) {
	old := good("Old GPU", vk.Discrete, 8<<30)
	old.Version = [2]int{1, 1}
	noAddress := good("Odd GPU", vk.Discrete, 64<<30)
	noAddress.Features.Address = false
	llvmpipe, small, large := good("llvmpipe (LLVM 15, 256 bits)", vk.CPU, 64<<30), good("Radeon 780M", vk.Integrated, 48<<30), good("NVIDIA GeForce RTX 4090", vk.Discrete, 24<<30)
	for _, c := range []struct {
		name, wanted string
		devices      []vk.Info
		want         string // name, or a part of the error
	}{
		{"discrete before integrated", "", []vk.Info{small, large, llvmpipe}, large.Name},
		{"more memory", "", []vk.Info{good("GPU A", vk.Discrete, 8<<30), good("GPU B", vk.Discrete, 16<<30)}, "GPU B"},
		{"lacking is passed over", "", []vk.Info{old, noAddress, small}, small.Name},
		{"the processor is not chosen", "", []vk.Info{llvmpipe}, "it is the processor"},
		{"the processor by name", "LLVMpipe", []vk.Info{large, llvmpipe}, llvmpipe.Name},
		{"by number", "0", []vk.Info{small, large}, small.Name},
		{"by part of the name", "4090", []vk.Info{small, large}, large.Name},
		{"named but lacking", "odd", []vk.Info{noAddress}, "lacks bufferDeviceAddress"},
		{"none of this name", "7900", []vk.Info{small, large}, `there are: 0 Radeon 780M, 1 NVIDIA GeForce RTX 4090`},
		{"number too large", "2", []vk.Info{small, large}, `no Vulkan device "2"`},
		{"no device", "", nil, "has no device"},
		{"all lacking", "", []vk.Info{old}, "Old GPU: it lacks Vulkan 1.2 (it has 1.1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := choose(c.devices, c.wanted, nil)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %q, want %q in it", err, c.want)
				}
			} else if got.Name != c.want {
				t.Errorf("chose %s, want %s", got.Name, c.want)
			}
		})
	}
}
