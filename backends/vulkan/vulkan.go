package vulkan

import (
	"errors"
	"fmt"
	"os"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
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
	if s := os.Getenv("LORAEDGE_VULKAN_DEVICE"); s != "" {
		o.Device = s
	}
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
	info, err := choose(all, o.Device)
	if err != nil {
		return nil, err
	}
	opened, err := v.OpenDevice(*info)
	if err != nil {
		return nil, err
	}
	// Matrix units stay off until their kernels were measured on real devices.
	b := &Backend{&device{Device: opened, pipelines: map[string]*vk.Pipeline{}, matrices: os.Getenv("LORAEDGE_VULKAN_MATRIX") == "1"}}
	b.device.cache = openCache(opened, o.CacheDir)
	if err := b.probe(dtype.F32); err != nil {
		b.Close()
		return nil, fmt.Errorf("%s: %w", info.Name, err)
	}
	for _, compute := range []dtype.DType{dtype.BF16, dtype.F16} {
		if b.device.matrices && b.probe(compute) != nil {
			b.device.matrices = false // the kernels in float32 do the same
		}
	}
	return b, nil
}

// Describe names the device and its driver.
func (b *Backend) Describe() backends.Device {
	i := &b.device.Info
	d := backends.Device{
		Name: "vulkan", Detail: fmt.Sprintf("%s, %s %s", i.Name, i.DriverName, i.DriverInfo),
		MemoryBytes: i.Memory, MaxBlockBytes: maxBlock(i), MaxBufferBytes: i.MaxAllocation, Streams: true,
	}
	d.Stores = []dtype.DType{dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double}
	d.Computes = []dtype.DType{dtype.BF16, dtype.F16}
	if _, ok := unitFor(i, dtype.BF16); ok && b.device.matrices {
		d.Prefers = dtype.BF16
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
