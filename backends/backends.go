// Package backends is what the core sees of a device: describe it, compile a
// program for it, move bytes, run entries. Each backend is a folder of its
// own and knows core/program, nothing else of the core.
//
// backendtest holds the conformance suite that every backend passes.
package backends

import "github.com/loraedge/loraedge/core/program"

// Backend is one device that can run programs.
type Backend interface {
	Describe() Device
	// Compile allocates the program's blocks and prepares its entries. An
	// instruction that the backend lacks is an error here, not in Run.
	Compile(*program.Program) (Executable, error)
}

// Device describes a backend for a person and for the planner.
type Device struct {
	// Name is what the configuration calls it ("cpu"); Detail is the processor,
	// instruction set and threads, in words.
	Name, Detail string
	// MemoryBytes is what a plan may use; 0 where unknown.
	MemoryBytes int64
	// MaxBlockBytes is the largest single allocation; 0 for no limit.
	MaxBlockBytes int64
}

// Executable is a compiled program with its memory.
type Executable interface {
	// Write copies data to the buffer from byte offset on; Read copies back.
	Write(b program.BufferID, offset int64, data []byte) error
	Read(b program.BufferID, offset int64, data []byte) error
	// Run runs an entry to its end.
	Run(entry int, s *program.Scalars) error
	// Allocated is what Compile asked of the device's allocator, in bytes.
	Allocated() int64
	Close() error
}
