package bench

import (
	"fmt"
	"math"
	"time"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Peaks are what a device was measured to do, each a second.
type Peaks struct {
	// Flops are multiply-adds in registers, two operations each, by the type of
	// their factors; nothing where the device cannot measure them.
	Flops map[dtype.DType]float64
	// Bytes are those read and written by copies of memory.
	Bytes float64
	// Host are bytes copied between the host's memory and the device's own;
	// zeros where it has none of its own.
	Host HostSpeed
}

// HostSpeed is in bytes a second.
type HostSpeed struct {
	// Load is how fast streamed weights come to the device.
	Load float64 `json:"load"`
	// Write and Read are of Executable: through staging, one part after the other.
	Write float64 `json:"write"`
	Read  float64 `json:"read"`
}

// Measure measures the device, in about two seconds.
func Measure(device backends.Backend) (Peaks, error) {
	p := Peaks{Flops: map[dtype.DType]float64{}}
	if m, ok := device.(backends.Meter); ok {
		for _, d := range []dtype.DType{dtype.F32, dtype.BF16, dtype.F16} {
			flops, err := m.Peak(d)
			if err != nil {
				return p, fmt.Errorf("measuring the peak of %s: %w", d, err)
			}
			if flops > 0 {
				p.Flops[d] = flops
			}
		}
	}
	var err error
	if p.Bytes, err = copySpeed(device); err == nil && device.Describe().Streams {
		p.Host, err = hostSpeed(device)
	}
	return p, err
}

// copied is far more than caches hold.
const copiedRows, copiedCols = 1 << 14, 1 << 10

// copySpeed is the best of some copies of 64 MiB.
func copySpeed(device backends.Backend) (float64, error) {
	exe, err := device.Compile(copyProgram(program.Arena))
	if err != nil {
		return 0, err
	}
	defer exe.Close()
	seconds, err := best(func() (float64, error) { return first(exe) })
	return 2 * copiedBytes / seconds, err
}

// hostSpeed is the best of some transfers of 64 MiB.
func hostSpeed(device backends.Backend) (HostSpeed, error) {
	exe, err := device.Compile(copyProgram(program.Host))
	if err != nil {
		return HostSpeed{}, err
	}
	defer exe.Close()
	data := make([]byte, copiedBytes)
	var s HostSpeed
	for _, x := range []struct {
		speed *float64
		run   func() (float64, error)
	}{
		{&s.Load, func() (float64, error) { return first(exe) }},
		{&s.Write, func() (float64, error) { return clocked(func() error { return exe.Write(1, 0, data) }) }},
		{&s.Read, func() (float64, error) { return clocked(func() error { return exe.Read(1, 0, data) }) }},
	} {
		seconds, err := best(x.run)
		if err != nil {
			return s, err
		}
		*x.speed = copiedBytes / seconds
	}
	return s, nil
}

// best is the seconds of the fastest of some runs.
func best(run func() (float64, error)) (float64, error) {
	fastest := math.Inf(1)
	for range 8 {
		seconds, err := run()
		if err != nil {
			return 0, err
		}
		fastest = min(fastest, seconds)
	}
	return fastest, nil
}

// first is the time of entry 0's first instruction or load, by the device's own
// clock where it has one: a fast device copies sooner than it can be told to.
func first(exe backends.Executable) (float64, error) {
	if t, ok := exe.(backends.Timer); ok {
		times, err := t.Time(0, &program.Scalars{})
		if err != nil {
			return 0, err
		}
		return times[0].Seconds, nil
	}
	return clocked(func() error { return exe.Run(0, &program.Scalars{}) })
}

// clocked is the time of run by the host's clock.
func clocked(run func() error) (float64, error) {
	from := time.Now()
	err := run()
	return time.Since(from).Seconds(), err
}

const copiedBytes = copiedRows * copiedCols * 4

// copyProgram copies buffer 0, which lies in a block of a class, to buffer 1: from
// the host's memory by a load, and then one element is zeroed, since a call has
// to do something.
func copyProgram(from program.Class) *program.Program {
	slot := func(name string) program.Slot {
		return program.Slot{Name: name, DType: dtype.F32, Rows: copiedRows, Cols: copiedCols}
	}
	p := &program.Program{
		Blocks:   []program.Block{{Class: from, Size: copiedBytes}, {Class: program.Arena, Size: copiedBytes}},
		Segments: []program.Segment{{Name: "copy", Params: []program.Slot{slot("from"), slot("to")}}},
		Entries:  []program.Entry{{Kind: program.Forward, Calls: []program.Call{{Args: []program.BufferID{0, 1}}}}},
	}
	for i, name := range []string{"from", "to"} {
		p.Buffers = append(p.Buffers, program.Buffer{Name: name, DType: dtype.F32, Rows: copiedRows, Cols: copiedCols, Place: program.Place{Block: i}})
	}
	copying := program.Instr{
		Op: program.OpCopy,
		In: []program.Operand{{Slot: 0, Rows: copiedRows}}, Out: []program.Operand{{Slot: 1, Rows: copiedRows}},
	}
	if from == program.Host {
		p.Segments[0].Params = []program.Slot{slot("to")}
		p.Entries[0].Calls[0] = program.Call{Loads: []program.Copy{{From: 0, To: 1}}, Args: []program.BufferID{1}}
		copying = program.Instr{Op: program.OpZero, Out: []program.Operand{{Slot: 0, Rows: 1}}}
	}
	p.Segments[0].Instrs = []program.Instr{copying}
	return p
}
