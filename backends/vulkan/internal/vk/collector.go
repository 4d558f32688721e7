//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

package vk

import "runtime/debug"

// holdCollector starts no garbage collection until the returned function is
// called: vulkan-go frees the C memory of slices of structs in finalizers, which
// could run while the driver still reads it.
func holdCollector() (release func()) {
	percent := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(percent) }
}
