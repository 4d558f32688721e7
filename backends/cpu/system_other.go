//go:build !linux && !darwin && !windows

package cpu

import "runtime"

func availableMemory() int64 { return 0 }

func processorName() string { return runtime.GOARCH + " processor" }
