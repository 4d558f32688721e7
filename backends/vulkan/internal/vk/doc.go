// Package vk is the device layer: everything of Vulkan that the backend sees.
//
//	Open       the loader and an instance
//	Devices    what is there, with memory, limits, features and matrix shapes
//	OpenDevice a device with two lanes of submissions, computing and copying
//	Alloc      a block: buffer, memory, address, mapped where the host sees it
//	Pipeline   SPIR-V with its specialization constants
//	Time       a command that notes the device's clock
//	Submit     records and submits a list of commands to a lane; Wait waits for it
//
// Set-up goes through github.com/vulkan-go/vulkan, which knows Vulkan 1.1;
// the C files have what it lacks, spec.h what they need of the
// specification. The loader is opened at run time: a program that contains this
// package starts without Vulkan. It must not know programs or shaders.
//
// Begin reading at types.go.
package vk
