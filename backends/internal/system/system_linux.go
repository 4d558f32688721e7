package system

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// AvailableMemory is what the system would give without swapping, and at most
// what the process's group may use; 0 where unknown.
func AvailableMemory() int64 {
	var bytes int64
	for _, line := range lines("/proc/meminfo") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				bytes = kib << 10
			}
		}
	}
	for _, line := range lines("/sys/fs/cgroup/memory.max") {
		if limit, err := strconv.ParseInt(line, 10, 64); err == nil && (bytes == 0 || limit < bytes) {
			bytes = limit
		}
	}
	return bytes
}

// ProcessorName is what the processor is called.
func ProcessorName() string {
	for _, line := range lines("/proc/cpuinfo") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH + " processor"
}

func lines(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil // not every system has the file
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
