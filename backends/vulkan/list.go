package vulkan

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// Listed is what a person wants to know of a device.
type Listed struct {
	// Index is its number for Options.Device.
	Index              int
	Name, Kind, Driver string
	// Vulkan is the version.
	Vulkan string
	// MemoryBytes is the device's own memory, FreeBytes what is free of it; 0
	// where the driver does not say.
	MemoryBytes, FreeBytes int64
	// Types are those that shaders compute in, Matrices the shapes of its matrix
	// units as M×N×K with the types of factors and sum.
	Types, Matrices []string
	// PassedOver says why it is used only when it is named, or not at all; ""
	// where nothing is against it.
	PassedOver string
	// Best marks the one that is taken when none is named.
	Best bool
}

// Devices lists all Vulkan devices. The error says why there is no Vulkan.
func Devices() ([]Listed, error) {
	v, err := vk.Open()
	if err != nil {
		return nil, err
	}
	all, err := v.Devices()
	if err != nil {
		return nil, err
	}
	best, _ := choose(all, "")
	var list []Listed
	for i := range all {
		d := &all[i]
		list = append(list, Listed{
			Index: i, Name: d.Name, Kind: d.Kind.String(), Driver: driver(d), Vulkan: fmt.Sprintf("%d.%d", d.Version[0], d.Version[1]),
			MemoryBytes: d.Memory, FreeBytes: d.Budget, Types: types(d), Matrices: shapes(d),
			PassedOver: passedOver(d), Best: d == best,
		})
	}
	return list, nil
}

func driver(d *vk.Info) string {
	if d.DriverInfo == "" {
		return d.DriverName
	}
	return d.DriverName + " " + d.DriverInfo
}

func types(d *vk.Info) []string {
	list := []string{"float32"}
	if d.Features.Float16 && d.Features.Storage16 {
		list = append(list, "float16")
	}
	if d.Features.Bfloat16 {
		list = append(list, "bfloat16")
	}
	return list
}

func shapes(d *vk.Info) []string {
	var list []string
	for _, m := range d.Matrices {
		if !m.SubgroupScope || m.A > vk.Float32 && m.A != vk.Bfloat16 || m.A != m.B || m.C != m.Result {
			continue // integers, and mixtures that no kernel uses
		}
		if s := fmt.Sprintf("%dx%dx%d %s→%s", m.M, m.N, m.K, m.A, m.Result); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
