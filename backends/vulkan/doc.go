// Package vulkan runs programs on any GPU with Vulkan 1.2 and buffer device
// addresses.
//
// Compile turns every instruction into dispatches of the kernels in package
// shaders, with addresses for operands; Run submits them. internal/vk has all
// of Vulkan itself. It must not know core beyond core/program.
//
// Begin reading at lower.go (the table of instructions), then executable.go.
// How a kernel is written: shaders/README.md.
package vulkan
