//go:build !(cgo && (linux || windows || freebsd) && (amd64 || arm64))

package vk

import "fmt"

// Instance is Vulkan itself, which this build has not.
type Instance struct{}

// Open says that this build has no Vulkan.
func Open() (*Instance, error) {
	return nil, fmt.Errorf("%w: this build of loraedge is without it, which needs Linux, Windows or FreeBSD on a 64-bit processor, and a C compiler to build it", ErrNoVulkan)
}

// Devices lists nothing.
func (*Instance) Devices() ([]Info, error) { return nil, nil }

// OpenDevice gives an error.
func (*Instance) OpenDevice(Info) (*Device, error) { _, err := Open(); return nil, err }

// Device is never opened.
type Device struct {
	Info  Info
	Fault func(string) int32
}

// Idle does nothing.
func (*Device) Idle() {}

// Close does nothing.
func (*Device) Close() error { return nil }

// Alloc gives an error.
func (*Device) Alloc(int64, Where) (*Block, error) { _, err := Open(); return nil, err }

// Free does nothing.
func (*Device) Free(*Block) {}

// Pipeline gives an error.
func (*Device) Pipeline([]byte, []uint32, bool) (*Pipeline, error) { _, err := Open(); return nil, err }

// KeepStatistics does nothing.
func (*Device) KeepStatistics() {}

// Statistics gives an error.
func (*Device) Statistics(*Pipeline) ([][]Statistic, error) { _, err := Open(); return nil, err }

// FreePipeline does nothing.
func (*Device) FreePipeline(*Pipeline) {}

// Submit gives an error.
func (*Device) Submit([]Command) (uint64, error) { _, err := Open(); return 0, err }

// SubmitAfter gives an error.
func (*Device) SubmitAfter(Lane, uint64, []Command) (uint64, error) { _, err := Open(); return 0, err }

// Last is nothing.
func (*Device) Last(Lane) uint64 { return 0 }

// Wait gives an error.
func (*Device) Wait(Lane, uint64) error { _, err := Open(); return err }

// PrepareTimes gives an error.
func (*Device) PrepareTimes() error { _, err := Open(); return err }

// Times gives an error.
func (*Device) Times(int) ([]float64, error) { _, err := Open(); return nil, err }

// OpenCache gives an error.
func (*Device) OpenCache([]byte) error { _, err := Open(); return err }

// CacheData gives an error.
func (*Device) CacheData() ([]byte, error) { _, err := Open(); return nil, err }
