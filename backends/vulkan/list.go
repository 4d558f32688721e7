package vulkan

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/shaders"
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
	// Units says which matrix units are used, or why none, where that was tried.
	Units string
	// PassedOver says why it is used only when it is named, or not at all; ""
	// where nothing is against it.
	PassedOver string
	// Best marks the one that is taken when none is named.
	Best bool
}

// Devices lists all Vulkan devices, after trying those that may be used by themselves, and the one
// that the environment names. The error says why there is no Vulkan.
func Devices(o Options) ([]Listed, error) {
	o.Device = named(o.Device)
	v, err := vk.Open()
	if err != nil {
		return nil, err
	}
	all, err := v.Devices()
	if err != nil {
		return nil, err
	}
	units, failed := tryAll(v, all, o)
	best, _ := choose(all, o.Device, failed)
	var list []Listed
	for i := range all {
		d := &all[i]
		list = append(list, Listed{
			Index: i, Name: d.Name, Kind: d.Kind.String(), Driver: driver(d), Vulkan: fmt.Sprintf("%d.%d", d.Version[0], d.Version[1]),
			MemoryBytes: d.Memory, FreeBytes: d.Budget, Types: types(d), Matrices: shapes(d),
			PassedOver: passedOver(d, failed), Units: units[i], Best: d == best,
		})
	}
	return list, nil
}

// tryAll opens devices as New would, and says by their numbers which matrix units each uses, or why it cannot be used.
func tryAll(v *vk.Instance, all []vk.Info, o Options) (units map[int]string, failed map[int]error) {
	units, failed = map[int]string{}, map[int]error{}
	asked, _ := choose(all, o.Device, nil)
	for i := range all {
		d := &all[i]
		if d != asked && passedOver(d, nil) != "" {
			continue
		}
		b, err := openProven(v, d, o, shaders.SPIRV)
		if err != nil {
			failed[d.Index] = err
			continue
		}
		units[d.Index] = inWords(b.device.verdicts)
		b.Close()
	}
	return units, failed
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
