//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

package vk

// #include "driver.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Device is an open device. Its methods may be called from several goroutines.
type Device struct {
	Info Info

	mu     sync.Mutex // of the queues
	last   [lanes]uint64
	shared []uint32 // the families of queues that use every block, where there are two
	handle vulkan.Device
	driver *C.lv_device
	layout vulkan.PipelineLayout
	types  []vulkan.MemoryType

	// Fault, in tests, gives the VkResult of a call of "alloc", "submit" or "wait"
	// instead of the driver, where it is not 0.
	Fault func(call string) int32
}

func (d *Device) fault(call string) int32 {
	if d.Fault == nil {
		return 0
	}
	return d.Fault(call)
}

// OpenDevice opens a device of Devices.
func (i *Instance) OpenDevice(info Info) (*Device, error) {
	physical := i.physical[info.Index]
	queues, ok := chooseQueues(queuesOf(physical), info.Kind)
	if !ok {
		return nil, fmt.Errorf("open %s: it lacks a queue for compute", info.Name)
	}
	api := uint32(info.Version[0])<<22 | uint32(info.Version[1])<<12
	c := query(i, physical, api)
	names, _ := extensionsOf(physical)
	chain := C.lv_enable(&c, C.uint32_t(api))
	if chain == nil {
		return nil, fmt.Errorf("open %s: out of host memory", info.Name)
	}
	defer C.lv_free_chain(chain)
	wanted := queues.create()
	create := vulkan.DeviceCreateInfo{
		SType: vulkan.StructureTypeDeviceCreateInfo, PNext: chain,
		QueueCreateInfoCount: uint32(len(wanted)), PQueueCreateInfos: wanted,
		EnabledExtensionCount: uint32(len(names)), PpEnabledExtensionNames: names,
	}
	defer create.Free()
	defer holdCollector()()
	d := &Device{Info: info, shared: queues.families()}
	_, d.types = memoryOf(physical)
	// A pointer into d would hand all of d to C.
	var handle vulkan.Device
	if r := vulkan.CreateDevice(physical, &create, nil, &handle); r != vulkan.Success {
		return nil, fmt.Errorf("open %s: %w", info.Name, resultError(int32(r)))
	}
	d.handle = handle
	if err := d.prepare(i, queues); err != nil {
		d.Close()
		return nil, fmt.Errorf("open %s: %w", info.Name, err)
	}
	return d, messages()
}

// prepare makes what all pipelines and submissions share.
func (d *Device) prepare(i *Instance, queues laneQueues) error {
	layout := vulkan.PipelineLayoutCreateInfo{
		SType: vulkan.StructureTypePipelineLayoutCreateInfo, PushConstantRangeCount: 1,
		PPushConstantRanges: []vulkan.PushConstantRange{{StageFlags: vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit), Size: MaxPush}},
	}
	defer layout.Free()
	var made vulkan.PipelineLayout
	if r := vulkan.CreatePipelineLayout(d.handle, &layout, nil, &made); r != vulkan.Success {
		return resultError(int32(r))
	}
	d.layout = made
	var handles [lanes]unsafe.Pointer
	var families [lanes]C.uint32_t
	for l, q := range queues {
		var found vulkan.Queue
		vulkan.GetDeviceQueue(d.handle, q.family, q.index, &found)
		handles[l], families[l] = unsafe.Pointer(found), C.uint32_t(q.family)
	}
	var r C.int32_t
	d.driver = C.lv_open(unsafe.Pointer(i.handle), unsafe.Pointer(d.handle), &handles[0], &families[0], C.uint64_t(handleOf(d.layout)), &r)
	return resultError(int32(r))
}

// create asks for the queues when the device is opened.
func (q laneQueues) create() []vulkan.DeviceQueueCreateInfo {
	one := func(family, count uint32) vulkan.DeviceQueueCreateInfo {
		return vulkan.DeviceQueueCreateInfo{
			SType: vulkan.StructureTypeDeviceQueueCreateInfo, QueueFamilyIndex: family, QueueCount: count, PQueuePriorities: []float32{1, 1}[:count],
		}
	}
	if q.kind() == DedicatedQueue {
		return []vulkan.DeviceQueueCreateInfo{one(q[Compute].family, 1), one(q[Transfer].family, 1)}
	}
	return []vulkan.DeviceQueueCreateInfo{one(q[Compute].family, q[Transfer].index+1)}
}

// families are those of the lanes where they are two, else nothing.
func (q laneQueues) families() []uint32 {
	if q.kind() != DedicatedQueue {
		return nil
	}
	return []uint32{q[Compute].family, q[Transfer].family}
}

// handleOf is a handle as Vulkan numbers it.
func handleOf[H vulkan.PipelineLayout | vulkan.Buffer | vulkan.DeviceMemory | vulkan.Pipeline](h H) uint64 {
	return uint64(*(*uintptr)(unsafe.Pointer(&h)))
}

func handleFrom[H vulkan.Buffer | vulkan.DeviceMemory | vulkan.Pipeline](n uint64) (h H) {
	*(*uintptr)(unsafe.Pointer(&h)) = uintptr(n)
	return h
}

// Close frees the device. Its blocks and pipelines must be freed before. The
// error is what the validation layer had to say.
func (d *Device) Close() error {
	vulkan.DeviceWaitIdle(d.handle)
	if d.driver != nil {
		C.lv_close(d.driver)
	}
	vulkan.DestroyPipelineLayout(d.handle, d.layout, nil)
	vulkan.DestroyDevice(d.handle, nil)
	return messages()
}

// Alloc makes a block of size bytes, of unknown content.
func (d *Device) Alloc(size int64, where Where) (*Block, error) {
	if r := d.fault("alloc"); r != 0 {
		return nil, fmt.Errorf("allocate %d bytes: %w", size, resultError(r))
	}
	usage := vulkan.BufferUsageTransferSrcBit | vulkan.BufferUsageTransferDstBit | vulkan.BufferUsageStorageBufferBit
	const deviceAddress = 0x20000
	create := vulkan.BufferCreateInfo{
		SType: vulkan.StructureTypeBufferCreateInfo, Size: vulkan.DeviceSize(size),
		Usage: vulkan.BufferUsageFlags(usage) | deviceAddress, SharingMode: vulkan.SharingModeExclusive,
	}
	if len(d.shared) > 0 {
		// Exclusive blocks would have to change hands twice for every copy, in parts.
		// Unlike images, buffers lose nothing by being shared.
		create.SharingMode = vulkan.SharingModeConcurrent
		create.QueueFamilyIndexCount, create.PQueueFamilyIndices = uint32(len(d.shared)), d.shared
	}
	defer create.Free()
	var buffer vulkan.Buffer
	if r := vulkan.CreateBuffer(d.handle, &create, nil, &buffer); r != vulkan.Success {
		return nil, fmt.Errorf("allocate %d bytes: %w", size, resultError(int32(r)))
	}
	b := &Block{Size: size, buffer: handleOf(buffer)}
	if err := d.bind(b, buffer, where); err != nil {
		d.Free(b)
		return nil, fmt.Errorf("allocate %d bytes: %w", size, err)
	}
	b.Address = uint64(C.lv_address(d.driver, C.uint64_t(b.buffer)))
	return b, messages()
}

// bind gives a buffer its memory.
func (d *Device) bind(b *Block, buffer vulkan.Buffer, where Where) error {
	var need vulkan.MemoryRequirements
	vulkan.GetBufferMemoryRequirements(d.handle, buffer, &need)
	need.Deref()
	defer need.Free()
	kind, ok := d.memoryType(need.MemoryTypeBits, where)
	if !ok {
		return fmt.Errorf("no memory of the kind that is needed")
	}
	create := vulkan.MemoryAllocateInfo{
		SType: vulkan.StructureTypeMemoryAllocateInfo, PNext: C.lv_address_flag(),
		AllocationSize: need.Size, MemoryTypeIndex: kind,
	}
	defer create.Free()
	var memory vulkan.DeviceMemory
	if r := vulkan.AllocateMemory(d.handle, &create, nil, &memory); r != vulkan.Success {
		return resultError(int32(r))
	}
	b.memory = handleOf(memory)
	if r := vulkan.BindBufferMemory(d.handle, buffer, memory, 0); r != vulkan.Success {
		return resultError(int32(r))
	}
	if where == OnDevice {
		return nil
	}
	var at unsafe.Pointer
	if r := vulkan.MapMemory(d.handle, memory, 0, need.Size, 0, &at); r != vulkan.Success {
		return resultError(int32(r))
	}
	b.Mapped = unsafe.Slice((*byte)(at), b.Size)
	return nil
}

// memoryType is the best kind of memory among those allowed: for the host
// cached if possible, since staging is read too.
func (d *Device) memoryType(allowed uint32, where Where) (uint32, bool) {
	const (
		local   = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyDeviceLocalBit)
		visible = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyHostVisibleBit | vulkan.MemoryPropertyHostCoherentBit)
		cached  = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyHostCachedBit)
	)
	wants := []vulkan.MemoryPropertyFlags{local}
	if where == ForHost {
		wants = []vulkan.MemoryPropertyFlags{visible | cached, visible}
	}
	for _, want := range wants {
		for i, t := range d.types {
			if allowed&(1<<i) != 0 && t.PropertyFlags&want == want {
				return uint32(i), true
			}
		}
	}
	return 0, false
}

// Free frees a block that no submission uses any more.
func (d *Device) Free(b *Block) {
	vulkan.DestroyBuffer(d.handle, handleFrom[vulkan.Buffer](b.buffer), nil)
	if b.memory != 0 {
		vulkan.FreeMemory(d.handle, handleFrom[vulkan.DeviceMemory](b.memory), nil)
	}
	b.Mapped = nil
}

// Submit records commands and gives them to the Compute lane; they run after all
// that was submitted before, in both lanes. Wait(Compute, when) waits for them.
func (d *Device) Submit(commands []Command) (when uint64, err error) {
	return d.SubmitAfter(Compute, d.Last(Transfer), commands)
}

// SubmitAfter records commands and gives them to a lane; they run after all that
// was submitted to it before and after the point `after` of the other lane,
// which must be one that was submitted; 0 is none.
func (d *Device) SubmitAfter(lane Lane, after uint64, commands []Command) (when uint64, err error) {
	if len(commands) == 0 {
		return 0, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.fault("submit"); r != 0 {
		return 0, fmt.Errorf("submit: %w", resultError(r))
	}
	var at C.uint64_t
	r := C.lv_submit(d.driver, C.uint32_t(lane), C.uint64_t(after), (*C.lv_command)(unsafe.Pointer(&commands[0])), C.uint32_t(len(commands)), &at)
	if r != 0 {
		return 0, fmt.Errorf("submit: %w", resultError(int32(r)))
	}
	d.last[lane] = uint64(at)
	return uint64(at), messages()
}

// Last is the latest point that was submitted to a lane, 0 where there is none.
func (d *Device) Last(lane Lane) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[lane]
}

// PrepareTimes makes Time commands possible. A queue without a clock is an error.
func (d *Device) PrepareTimes() error {
	if d.Info.TickBits == 0 || d.Info.TickNanoseconds <= 0 {
		return fmt.Errorf("%s has no timestamps: its driver cannot tell how long a part of a submission takes", d.Info.Name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := C.lv_make_times(d.driver, MaxTimes); r != 0 {
		return fmt.Errorf("make room for timestamps: %w", resultError(int32(r)))
	}
	return messages()
}

// Times waits for the first n Time commands of the last submission and returns
// the seconds from each to the next, n-1 of them.
func (d *Device) Times(n int) ([]float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ticks := make([]uint64, n)
	if r := C.lv_times(d.driver, C.uint32_t(n), (*C.uint64_t)(unsafe.Pointer(&ticks[0]))); r != 0 {
		return nil, fmt.Errorf("read timestamps: %w", resultError(int32(r)))
	}
	return d.Info.seconds(ticks), messages()
}

// Wait waits until a submission to a lane has ended.
func (d *Device) Wait(lane Lane, when uint64) error {
	if r := d.fault("wait"); r != 0 {
		return fmt.Errorf("wait: %w", resultError(r))
	}
	if r := C.lv_wait(d.driver, C.uint32_t(lane), C.uint64_t(when)); r != 0 {
		return fmt.Errorf("wait: %w", resultError(int32(r)))
	}
	return messages()
}

// Idle waits until the device does nothing, or is lost.
func (d *Device) Idle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	vulkan.DeviceWaitIdle(d.handle)
}

// The lanes are those of driver.c.
var _ [lanes]byte = [C.lv_lanes]byte{}

// A Command must be what driver.c takes it for.
var _ [unsafe.Sizeof(Command{})]byte = [C.sizeof_lv_command]byte{}
