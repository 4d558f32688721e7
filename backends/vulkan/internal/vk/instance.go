//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

package vk

// #cgo CFLAGS: -O2 -std=gnu11
// #cgo linux LDFLAGS: -ldl
// #include <stdlib.h>
// #include "driver.h"
import "C"

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Instance is Vulkan itself; there is one in a process.
type Instance struct {
	handle     vulkan.Instance
	validation bool
	physical   []vulkan.PhysicalDevice
}

// Open finds Vulkan. With LORAEDGE_VULKAN_VALIDATION=1 in the environment the
// validation layer watches all calls, and each of its messages becomes an
// error of a call here.
var Open = sync.OnceValues(open)

func open() (*Instance, error) {
	loader := C.lv_loader()
	if loader == nil {
		return nil, fmt.Errorf("%w: there is no libvulkan.so.1 (Linux) or vulkan-1.dll (Windows), which comes with the graphics driver", ErrNoVulkan)
	}
	vulkan.SetGetInstanceProcAddr(loader)
	if err := vulkan.Init(); err != nil {
		return nil, err
	}
	i := &Instance{validation: os.Getenv("LORAEDGE_VULKAN_VALIDATION") == "1"}
	info := vulkan.InstanceCreateInfo{
		SType: vulkan.StructureTypeInstanceCreateInfo,
		PApplicationInfo: &vulkan.ApplicationInfo{
			SType: vulkan.StructureTypeApplicationInfo, PApplicationName: "loraedge\x00", PEngineName: "loraedge\x00",
			ApiVersion: vulkan.MakeVersion(1, 3, 0),
		},
	}
	if i.validation {
		info.PNext = C.lv_validation_chain()
		info.EnabledLayerCount, info.PpEnabledLayerNames = 1, []string{"VK_LAYER_KHRONOS_validation\x00"}
		info.EnabledExtensionCount, info.PpEnabledExtensionNames = 1, []string{"VK_EXT_debug_utils\x00"}
	}
	defer info.Free()
	defer holdCollector()()
	var handle vulkan.Instance
	if r := vulkan.CreateInstance(&info, nil, &handle); r != vulkan.Success {
		if r == vulkan.ErrorLayerNotPresent {
			return nil, errors.New("LORAEDGE_VULKAN_VALIDATION is 1, but VK_LAYER_KHRONOS_validation is not installed")
		}
		if r == vulkan.ErrorIncompatibleDriver {
			return nil, errors.New("Vulkan finds no driver of a graphics card; install the card's own")
		}
		return nil, fmt.Errorf("Vulkan does not start: %w", resultError(int32(r)))
	}
	i.handle = handle
	if err := vulkan.InitInstance(i.handle); err != nil {
		return nil, err
	}
	if i.validation {
		if r := C.lv_messenger(unsafe.Pointer(i.handle)); r != 0 {
			return nil, fmt.Errorf("the validation layer has no messages: %w", resultError(int32(r)))
		}
	}
	return i, i.findDevices()
}

func (i *Instance) findDevices() error {
	var n uint32
	if r := vulkan.EnumeratePhysicalDevices(i.handle, &n, nil); r != vulkan.Success {
		return fmt.Errorf("list Vulkan devices: %w", resultError(int32(r)))
	}
	i.physical = make([]vulkan.PhysicalDevice, n)
	if n == 0 {
		return nil
	}
	if r := vulkan.EnumeratePhysicalDevices(i.handle, &n, i.physical); r != vulkan.Success {
		return fmt.Errorf("list Vulkan devices: %w", resultError(int32(r)))
	}
	return nil
}

// messages turns what the validation layer said since the last call into an error.
func messages() error {
	text := C.lv_messages()
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return validationError(C.GoString(text))
}

// resultError is a VkResult as an error, nil for success.
func resultError(r int32) error {
	switch vulkan.Result(r) {
	case vulkan.Success:
		return nil
	case vulkan.ErrorOutOfDeviceMemory:
		return ErrOutOfMemory
	case vulkan.ErrorOutOfHostMemory:
		return errors.New("out of host memory")
	case vulkan.ErrorDeviceLost:
		return ErrLost
	}
	if err := vulkan.Error(vulkan.Result(r)); err != nil {
		return err
	}
	return fmt.Errorf("Vulkan's error %d", r)
}

// Devices describes all devices, in the loader's order.
func (i *Instance) Devices() ([]Info, error) {
	var all []Info
	for n, p := range i.physical {
		all = append(all, describe(i, n, p))
	}
	return all, messages()
}

// intel is the number of a vendor.
const intel = 0x8086

func describe(i *Instance, n int, physical vulkan.PhysicalDevice) Info {
	var p vulkan.PhysicalDeviceProperties
	vulkan.GetPhysicalDeviceProperties(physical, &p)
	defer p.Free()
	p.Deref()
	p.Limits.Deref()
	info := Info{
		Index: n, Name: vulkan.ToString(p.DeviceName[:]), Kind: Kind(min(int(p.DeviceType), int(CPU))),
		VendorID: p.VendorID, DeviceID: p.DeviceID,
		Version:        [2]int{int(p.ApiVersion >> 22), int(p.ApiVersion >> 12 & 0x3ff)},
		MaxGroups:      p.Limits.MaxComputeWorkGroupCount,
		MaxInvocations: int(p.Limits.MaxComputeWorkGroupInvocations),
		SharedMemory:   int(p.Limits.MaxComputeSharedMemorySize),
		PushConstants:  int(p.Limits.MaxPushConstantsSize),
	}
	key := fmt.Appendf(nil, "%x %x %x %x %x", p.VendorID, p.DeviceID, p.DriverVersion, p.ApiVersion, p.PipelineCacheUUID)
	info.TickNanoseconds = float64(p.Limits.TimestampPeriod)
	queues := queuesOf(physical)
	lanes, ok := chooseQueues(queues, info.Kind)
	if info.ComputeQueue = ok; ok {
		info.TickBits, info.Transfer = queues[lanes[Compute].family].tickBits, lanes.kind()
	}
	if info.Version[0] == 1 && info.Version[1] < 2 {
		return info
	}
	c := query(i, physical, p.ApiVersion)
	info.CacheKey = sha256.Sum256(fmt.Appendf(key, " %x", c.driver_uuid))
	info.DriverID, info.DriverName, info.DriverInfo = int(c.driver_id), C.GoString(&c.driver_name[0]), C.GoString(&c.driver_info[0])
	info.MaxAllocation = int64(min(uint64(c.max_allocation), uint64(c.max_buffer), 1<<62))
	info.Subgroup, info.MinSubgroup, info.MaxSubgroup = int(c.subgroup_size), int(c.min_subgroup_size), int(c.max_subgroup_size)
	choosable := c.size_stages&0x20 != 0 && c.size_control != 0 // for compute
	if choosable && info.VendorID == intel {
		// Its matrix instructions are as wide as its smallest subgroups: llama.cpp takes these for products too.
		info.Subgroup = info.MinSubgroup
	}
	info.FixedSubgroup = c.full_subgroups != 0 && (choosable || c.min_subgroup_size == c.max_subgroup_size)
	info.SubgroupOperations = uint32(c.subgroup_operations)
	info.MixedDotProducts = c.mixed_dot_products != 0
	info.Features = features(&c)
	for _, m := range c.matrix_list[:c.matrices] {
		info.Matrices = append(info.Matrices, Matrix{
			int(m.m), int(m.n), int(m.k), Component(m.a), Component(m.b), Component(m.c), Component(m.result), m.scope == 3,
		})
	}
	info.memory(physical, &c)
	return info
}

func features(c *C.lv_info) Features {
	return Features{
		Address: c.address != 0, Timeline: c.timeline != 0, ScalarLayout: c.scalar_layout != 0, MemoryModel: c.memory_model != 0,
		Float64: c.float64 != 0, Int64: c.int64 != 0, Int16: c.int16 != 0, Float16: c.float16 != 0, Int8: c.int8 != 0,
		Storage16: c.storage16 != 0, Storage8: c.storage8 != 0, ExtendedTypes: c.extended_types != 0,
		SizeControl: c.size_control != 0, FullSubgroups: c.full_subgroups != 0, Maintenance4: c.maintenance4 != 0,
		CooperativeMatrix: c.matrix != 0, Bfloat16: c.bfloat16 != 0, Bfloat16Matrix: c.bfloat16_matrix != 0,
		Statistics: c.statistics != 0,
	}
}

// The extensions that are used where a device has them.
var extensions = []struct {
	name string
	bit  C.uint32_t
}{
	{"VK_KHR_cooperative_matrix", C.LV_MATRIX},
	{"VK_KHR_shader_bfloat16", C.LV_BFLOAT16},
	{"VK_EXT_memory_budget", C.LV_BUDGET},
	{"VK_KHR_pipeline_executable_properties", C.LV_STATISTICS},
}

// extensionsOf are the names of those and their bits.
func extensionsOf(physical vulkan.PhysicalDevice) (names []string, bits C.uint32_t) {
	var n uint32
	vulkan.EnumerateDeviceExtensionProperties(physical, "", &n, nil)
	list := make([]vulkan.ExtensionProperties, n)
	vulkan.EnumerateDeviceExtensionProperties(physical, "", &n, list)
	for i := range list {
		list[i].Deref()
		name := vulkan.ToString(list[i].ExtensionName[:])
		list[i].Free()
		for _, e := range extensions {
			if e.name == name {
				names, bits = append(names, name+"\x00"), bits|e.bit
			}
		}
	}
	return names, bits
}

func query(i *Instance, physical vulkan.PhysicalDevice, api uint32) C.lv_info {
	var c C.lv_info
	_, bits := extensionsOf(physical)
	C.lv_query(unsafe.Pointer(i.handle), unsafe.Pointer(physical), C.uint32_t(api), bits, &c)
	return c
}

// memory sums the heaps that are the device's own.
func (info *Info) memory(physical vulkan.PhysicalDevice, c *C.lv_info) {
	heaps, _ := memoryOf(physical)
	for n, h := range heaps {
		if h.Flags&vulkan.MemoryHeapFlags(vulkan.MemoryHeapDeviceLocalBit) == 0 {
			continue
		}
		info.Memory += int64(h.Size)
		if budget, used := int64(c.heap_budget[n]), int64(c.heap_usage[n]); budget > used {
			info.Budget += budget - used
		}
	}
}

func memoryOf(physical vulkan.PhysicalDevice) ([]vulkan.MemoryHeap, []vulkan.MemoryType) {
	var p vulkan.PhysicalDeviceMemoryProperties
	vulkan.GetPhysicalDeviceMemoryProperties(physical, &p)
	defer p.Free()
	p.Deref()
	for i := range p.MemoryHeaps[:p.MemoryHeapCount] {
		p.MemoryHeaps[i].Deref()
	}
	for i := range p.MemoryTypes[:p.MemoryTypeCount] {
		p.MemoryTypes[i].Deref()
	}
	return p.MemoryHeaps[:p.MemoryHeapCount], p.MemoryTypes[:p.MemoryTypeCount]
}

// queuesOf describes the families of queues.
func queuesOf(physical vulkan.PhysicalDevice) []queueFamily {
	var n uint32
	vulkan.GetPhysicalDeviceQueueFamilyProperties(physical, &n, nil)
	list := make([]vulkan.QueueFamilyProperties, n)
	vulkan.GetPhysicalDeviceQueueFamilyProperties(physical, &n, list)
	all := make([]queueFamily, n)
	for i := range list {
		list[i].Deref()
		has := func(bit vulkan.QueueFlagBits) bool { return list[i].QueueFlags&vulkan.QueueFlags(bit) != 0 }
		all[i] = queueFamily{
			compute: has(vulkan.QueueComputeBit), graphics: has(vulkan.QueueGraphicsBit), transfer: has(vulkan.QueueTransferBit),
			queues: list[i].QueueCount, tickBits: int(list[i].TimestampValidBits),
		}
		list[i].Free()
	}
	return all
}
