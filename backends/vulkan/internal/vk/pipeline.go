//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

package vk

// #include "driver.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Pipeline compiles a shader's entry "main" with constants 0, 1, … set. With
// wholeSubgroups its subgroups have Info.Subgroup invocations, all active;
// that needs Info.FixedSubgroup.
func (d *Device) Pipeline(spirv []byte, constants []uint32, wholeSubgroups bool) (*Pipeline, error) {
	code := make([]uint32, len(spirv)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(spirv[4*i:])
	}
	var whole, subgroup C.uint32_t
	if wholeSubgroups {
		whole = 1
		if d.Info.MinSubgroup != d.Info.MaxSubgroup {
			subgroup = C.uint32_t(d.Info.Subgroup)
		}
	}
	var made C.uint64_t
	r := C.lv_pipeline(d.driver, (*C.uint32_t)(unsafe.SliceData(code)), C.size_t(4*len(code)),
		(*C.uint32_t)(unsafe.SliceData(constants)), C.uint32_t(len(constants)), whole, subgroup, &made)
	if r != 0 {
		return nil, resultError(int32(r))
	}
	return &Pipeline{uint64(made)}, messages()
}

// OpenCache lets pipelines from now on be found in a cache that begins with what
// CacheData gave for a device of the same CacheKey, or nil. It is called once,
// before any pipeline is made.
func (d *Device) OpenCache(data []byte) error {
	r := C.lv_open_cache(d.driver, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)))
	if r != 0 {
		return fmt.Errorf("open a cache of pipelines: %w", resultError(int32(r)))
	}
	return messages()
}

// CacheData is what to keep of the cache that OpenCache opened.
func (d *Device) CacheData() ([]byte, error) {
	var size C.size_t
	r := C.lv_cache_data(d.driver, nil, &size)
	if r != 0 || size == 0 {
		return nil, resultError(int32(r))
	}
	data := make([]byte, size)
	if r = C.lv_cache_data(d.driver, unsafe.Pointer(&data[0]), &size); r != 0 {
		return nil, fmt.Errorf("read the cache of pipelines: %w", resultError(int32(r)))
	}
	return data[:size], messages()
}

// FreePipeline frees a pipeline that no submission uses any more.
func (d *Device) FreePipeline(p *Pipeline) {
	vulkan.DestroyPipeline(d.handle, handleFrom[vulkan.Pipeline](p.handle), nil)
}

// KeepStatistics lets pipelines from now on keep what Statistics gives, which a driver may have them
// compiled anew for. A device without Features.Statistics must not be asked.
func (d *Device) KeepStatistics() { C.lv_keep_statistics(d.driver) }

// Statistics is what the driver's compiler says of each program that it made of a pipeline, one for every size
// of subgroups that it may choose later, by the driver's own names: registers, spilled ones, instructions and the like.
func (d *Device) Statistics(p *Pipeline) ([][]Statistic, error) {
	var variants, n C.uint32_t
	r := C.lv_variants(d.driver, C.uint64_t(p.handle), &variants)
	all := make([][]Statistic, variants)
	for v := range all {
		var list [C.lv_max_statistics]C.lv_statistic
		if r == 0 {
			r = C.lv_statistics(d.driver, C.uint64_t(p.handle), C.uint32_t(v), &list[0], &n)
		}
		for i := range list[:n] {
			all[v] = append(all[v], Statistic{C.GoString(&list[i].name[0]), float64(list[i].value)})
		}
	}
	if r != 0 {
		return nil, fmt.Errorf("ask for a pipeline's statistics: %w", resultError(int32(r)))
	}
	return all, messages()
}
