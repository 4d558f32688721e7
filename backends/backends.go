// Package backends is what the core sees of a device: describe it, compile a
// program for it, move bytes, run entries. Each backend is a folder of its
// own and knows core/program, nothing else of the core.
//
// backendtest holds the conformance suite that every backend passes.
package backends

import (
	"errors"
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

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
	// MaxBlockBytes is how large a block should be that buffers share, MaxBufferBytes
	// the largest block that the device can allocate, for a single buffer that is
	// larger; 0 for no limit.
	MaxBlockBytes, MaxBufferBytes int64
	// Streams says that the device has memory of its own, so that weights that do
	// not fit it can lie in the host's memory and come when they are needed.
	Streams bool
	// Stores are the types besides F32 in which weights may be held, Computes
	// those besides F32 that Attr.Compute may name.
	Stores, Computes []dtype.DType
	// Activations are the types, of Computes, in which activations may be held that only
	// products read, and which norms, RoPE, attention and gates write (ops.go says where). With
	// NarrowLinears also linears and attention's gradient write them.
	Activations   []dtype.DType
	NarrowLinears bool
	// Prefers is the type of products that is fastest here; 0 is F32.
	Prefers dtype.DType
}

// CheckTypes says which type a program has that the device does not know. A
// backend calls it in Compile.
func (d Device) CheckTypes(p *program.Program) error {
	for _, s := range p.Segments {
		activations := map[int]bool{} // slots
		for i, in := range s.Instrs {
			if c := in.Attr.Compute; c != dtype.Invalid && c != dtype.F32 && !slices.Contains(d.Computes, c) {
				return fmt.Errorf("%s cannot compute instruction %d of segment %q (%s) in %s", d.Name, i, s.Name, in.Op, c)
			}
			var err error
			s.Activations(&in, func(o program.Operand, linear bool) {
				x := s.Slot(o)
				activations[o.Slot] = true
				if !slices.Contains(d.Activations, x.DType) || linear && !d.NarrowLinears {
					err = fmt.Errorf("%s cannot hold activation %q of instruction %d of segment %q (%s) as %s", d.Name, x.Name, i, s.Name, in.Op, x.DType)
				}
			})
			if err != nil {
				return err
			}
		}
		for n, x := range s.Params {
			if x.DType != dtype.F32 && x.DType != dtype.I32 && !activations[n] && !slices.Contains(d.Stores, x.DType) {
				return fmt.Errorf("%s cannot hold %q as %s", d.Name, x.Name, x.DType)
			}
		}
	}
	return nil
}

// What may happen to a device at any time; errors of an Executable and of
// Compile are one of these where it did.
var (
	// ErrOutOfMemory says that the device has less memory than was asked for. What
	// was there before still is.
	ErrOutOfMemory = errors.New("out of device memory")
	// ErrLost says that nothing can be done with the device any more in this process.
	ErrLost = errors.New("the device was lost")
)

// What Timing.Instr is for copies.
const (
	LoadBefore = -1
	SaveAfter  = -2
)

// Timing is the time of instruction Instr of the segment that call Call of an
// entry names; Instr is LoadBefore or SaveAfter for a copy of the call.
type Timing struct {
	Call, Instr int
	Seconds     float64
}

// Timings lists the loads, instructions and saves of an entry in their order, without
// times; nothing where there is no such entry.
func Timings(p *program.Program, entry int) []Timing {
	if entry < 0 || entry >= len(p.Entries) {
		return nil
	}
	var all []Timing
	for c, call := range p.Entries[entry].Calls {
		for range call.Loads {
			all = append(all, Timing{Call: c, Instr: LoadBefore})
		}
		for i := range p.Segments[call.Segment].Instrs {
			all = append(all, Timing{Call: c, Instr: i})
		}
		for range call.Saves {
			all = append(all, Timing{Call: c, Instr: SaveAfter})
		}
	}
	return all
}

// Timer is an Executable that can say where the time of an entry goes.
type Timer interface {
	// Time runs an entry and returns the time of each of its instructions, in
	// the order of the entry's calls.
	Time(entry int, s *program.Scalars) ([]Timing, error)
}

// Meter is a Backend that can measure what its device can do at most.
type Meter interface {
	// Peak measures multiply-adds in registers whose factors are of a type, in
	// floating-point operations a second; 0 where there is no such instruction.
	Peak(dtype.DType) (float64, error)
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
