package vulkan

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/shaders"
)

// Options choose the device.
type Options struct {
	// Device is a part of a device's name, or its number in Devices; "" is the
	// best GPU. LORAEDGE_VULKAN_DEVICE in the environment goes before it.
	Device string
	// CacheDir is a folder to keep compiled kernels in; "" keeps none.
	CacheDir string
}

// Backend is a device that runs programs.
type Backend struct{ device *device }

// New opens a device and checks that it computes.
func New(o Options) (*Backend, error) {
	o.Device = named(o.Device)
	v, err := vk.Open()
	if errors.Is(err, vk.ErrNoVulkan) {
		err = fmt.Errorf("%w: %w", ErrNoGPU, err)
	}
	if err != nil {
		return nil, err
	}
	all, err := v.Devices()
	if err != nil {
		return nil, err
	}
	failed := map[int]error{}
	for {
		info, err := choose(all, o.Device, failed)
		if err != nil {
			return nil, err
		}
		b, err := openProven(v, info, o, shaders.SPIRV)
		if err == nil {
			return b, nil
		}
		if o.Device != "" {
			return nil, fmt.Errorf("%s: %w", info.Name, err)
		}
		failed[info.Index] = err
	}
}

// named is the device that is asked for; the environment goes first.
func named(device string) string {
	if s := os.Getenv("LORAEDGE_VULKAN_DEVICE"); s != "" {
		return s
	}
	return device
}

// openProven opens a device and checks that it computes. Where it is lost in matrix kernels it is
// opened anew, to do without them.
func openProven(v *vk.Instance, info *vk.Info, o Options, code func(shader string) ([]byte, error)) (*Backend, error) {
	broken := map[dtype.DType]error{}
	for {
		opened, err := v.OpenDevice(*info)
		if err != nil {
			return nil, err
		}
		b := &Backend{&device{Device: opened, pipelines: map[string]*vk.Pipeline{}, code: code}}
		b.device.cache = openCache(opened, o.CacheDir)
		err = b.prove(broken)
		if err == nil {
			return b, nil
		}
		b.Close()
		var lost *brokenType
		if !errors.As(err, &lost) {
			return nil, err
		}
		broken[lost.compute] = err
	}
}

// Describe names the device and its driver.
func (b *Backend) Describe() backends.Device {
	i := &b.device.Info
	d := backends.Device{
		Name: "vulkan", Detail: fmt.Sprintf("%s, %s; %s", i.Name, driver(i), inWords(b.device.verdicts)),
		MemoryBytes: i.Memory, MaxBlockBytes: maxBlock(i), MaxBufferBytes: i.MaxAllocation, Streams: true,
	}
	d.Stores = []dtype.DType{dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double}
	d.Computes = []dtype.DType{dtype.BF16, dtype.F16}
	for _, compute := range slices.Backward(matrixTypes) {
		if b.device.matrices[compute] {
			d.Prefers = compute
			d.Activations, d.NarrowLinears = append(d.Activations, compute), true
		}
	}
	if i.Budget > 0 {
		d.MemoryBytes = i.Budget
	}
	return d
}

// maxBlock is the largest block that buffers share: what the device allows, and at
// most 1 GiB, since drivers that allow more waste address space or fail.
func maxBlock(i *vk.Info) int64 {
	const most = 1 << 30
	if i.MaxAllocation <= 0 {
		return most
	}
	return min(i.MaxAllocation, most)
}

// Compile allocates the program's blocks, zeroed, and compiles its kernels.
func (b *Backend) Compile(p *program.Program) (backends.Executable, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("vulkan: %w", err)
	}
	if err := b.Describe().CheckTypes(p); err != nil {
		return nil, fmt.Errorf("vulkan: %w", err)
	}
	x, err := newExecutable(p, b.device)
	if err != nil {
		return nil, fmt.Errorf("vulkan: %w", fate(err))
	}
	return x, nil
}

// Close frees the device; all executables must be closed before. The error is
// what the validation layer had to say.
func (b *Backend) Close() error { return b.device.close() }
