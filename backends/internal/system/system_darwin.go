package system

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// AvailableMemory is the machine's memory; 0 where unknown.
func AvailableMemory() int64 {
	bytes, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(bytes)
}

// ProcessorName is what the processor is called.
func ProcessorName() string {
	if name, err := unix.Sysctl("machdep.cpu.brand_string"); err == nil && name != "" {
		return name
	}
	return runtime.GOARCH + " processor"
}
