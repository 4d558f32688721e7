// Package vulkan runs programs on any GPU with Vulkan 1.2 and buffer device
// addresses.
//
// Compile turns every instruction into dispatches of the kernels in package
// shaders, with addresses for operands; Run submits them. internal/vk has all
// of Vulkan itself. It must not know core beyond core/program.
//
//	vulkan.go, choose.go, list.go        which device is used, and why not another
//	probe*.go, trust.go                  what it computes is right, matrix units are worth it
//	resolve.go                           an entry as one list of instructions with addresses
//	lower.go, lower_*.go                 an instruction as dispatches: the table, one file a kind
//	schedule.go                          the order of copies and kernels on two lanes
//	executable.go, staging.go, inputs.go a program's memory, and what goes in and out of it
//	submit.go, time.go, meter.go         running: cut by measured time, timed, at its peak
//	device.go, cache.go, fate.go         pipelines, kept on disk; what a failure is called
//
// Begin reading at lower.go, then executable.go. How a kernel is written:
// shaders/README.md.
package vulkan
