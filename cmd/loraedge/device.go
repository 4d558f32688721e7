package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/cpu"
	"github.com/loraedge/loraedge/backends/vulkan"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/report"
)

// newDevice opens what [device] asks for: with backend = "auto" the best GPU
// where there is one, else the processor. The function closes it.
func newDevice(c config.Device) (backends.Backend, func(), error) {
	name := deviceName(c.Device)
	if c.Backend != "cpu" {
		gpu, err := vulkan.New(vulkan.Options{Device: name, CacheDir: filepath.Join(cacheDir(), "vulkan")})
		if err == nil {
			return gpu, func() { gpu.Close() }, nil
		}
		if c.Backend == "vulkan" {
			return nil, nil, fmt.Errorf("[device] backend = \"vulkan\": %w", err)
		}
		if !errors.Is(err, vulkan.ErrNoGPU) {
			fmt.Fprintf(os.Stderr, "the processor is used, not a GPU: %v\n", err)
		}
	}
	processor, err := cpu.New(cpu.Options{})
	if err != nil {
		return nil, nil, err
	}
	about := processor.Describe()
	if name != "" && name != "0" && !strings.Contains(strings.ToLower(about.Name+" "+about.Detail), strings.ToLower(name)) {
		return nil, nil, fmt.Errorf("[device] device = %q: there is no such device; see loraedge devices", name)
	}
	return processor, func() {}, nil
}

// deviceName is a choice as a backend takes it: a number or a part of a name, "" for any.
func deviceName(d config.DeviceChoice) string {
	switch {
	case d.Auto:
		return ""
	case d.Name != "":
		return d.Name
	}
	return strconv.Itoa(d.Index)
}

type devicesCommand struct {
	JSON bool `help:"Print JSON."`
}

// Run lists the processor and all GPUs, each with what speaks against it.
func (d devicesCommand) Run() error {
	processor, err := cpu.New(cpu.Options{})
	if err != nil {
		return err
	}
	about := processor.Describe()
	gpus, missing := vulkan.Devices(vulkan.Options{CacheDir: filepath.Join(cacheDir(), "vulkan")})
	if d.JSON {
		list := []any{struct {
			Name, Detail    string
			MemoryBytes     int64
			InstructionSets []string
		}{about.Name, about.Detail, about.MemoryBytes, cpu.ISAs()}}
		for _, g := range gpus {
			list = append(list, g)
		}
		return printJSON(list)
	}
	fmt.Printf("cpu  %s, %s of memory free\n", about.Detail, report.Bytes(about.MemoryBytes))
	fmt.Printf("     instruction sets: %s (LORAEDGE_CPU_ISA chooses another)\n", strings.Join(cpu.ISAs(), ", "))
	if missing != nil {
		fmt.Printf("no GPU: %v\n", missing)
	}
	for _, g := range gpus {
		printGPU(g)
	}
	return nil
}

func printGPU(g vulkan.Listed) {
	memory := report.Bytes(g.MemoryBytes) + " of memory"
	if g.FreeBytes > 0 {
		memory += ", " + report.Bytes(g.FreeBytes) + " free"
	}
	fmt.Printf("vulkan %d  %s, %s\n", g.Index, g.Name, memory)
	fmt.Printf("     Vulkan %s, driver %s; %s", g.Vulkan, g.Driver, strings.Join(g.Types, ", "))
	if len(g.Matrices) > 0 {
		fmt.Printf("; matrix shapes %s", strings.Join(g.Matrices, ", "))
	}
	fmt.Println()
	if g.Units != "" {
		fmt.Printf("     %s\n", g.Units)
	}
	switch {
	case g.Best:
		fmt.Println("     this is the device that a run takes by itself")
	case g.PassedOver != "":
		fmt.Printf("     not used by itself: %s\n", g.PassedOver)
	}
}
