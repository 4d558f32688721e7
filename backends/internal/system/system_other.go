//go:build !linux && !darwin && !windows

package system

import "runtime"

// AvailableMemory is 0: unknown.
func AvailableMemory() int64 { return 0 }

// ProcessorName is what the processor is called.
func ProcessorName() string { return runtime.GOARCH + " processor" }
