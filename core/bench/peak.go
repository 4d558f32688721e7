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
	p.Bytes, err = copySpeed(device)
	return p, err
}

// copied is far more than caches hold.
const copiedRows, copiedCols = 1 << 14, 1 << 10

// copySpeed is the best of some copies of 64 MiB.
func copySpeed(device backends.Backend) (float64, error) {
	const bytes = copiedRows * copiedCols * 4
	slot := func(name string) program.Slot {
		return program.Slot{Name: name, DType: dtype.F32, Rows: copiedRows, Cols: copiedCols}
	}
	p := &program.Program{
		Blocks:   []program.Block{{Class: program.Arena, Size: bytes}, {Class: program.Arena, Size: bytes}},
		Segments: []program.Segment{{Name: "copy", Params: []program.Slot{slot("from"), slot("to")}}},
		Entries:  []program.Entry{{Kind: program.Forward, Calls: []program.Call{{Args: []program.BufferID{0, 1}}}}},
	}
	for i, name := range []string{"from", "to"} {
		p.Buffers = append(p.Buffers, program.Buffer{Name: name, DType: dtype.F32, Rows: copiedRows, Cols: copiedCols, Place: program.Place{Block: i}})
	}
	p.Segments[0].Instrs = []program.Instr{{
		Op: program.OpCopy,
		In: []program.Operand{{Slot: 0, Rows: copiedRows}}, Out: []program.Operand{{Slot: 1, Rows: copiedRows}},
	}}
	exe, err := device.Compile(p)
	if err != nil {
		return 0, err
	}
	defer exe.Close()
	best := math.Inf(1)
	for range 8 {
		from := time.Now()
		if err := exe.Run(0, &program.Scalars{}); err != nil {
			return 0, err
		}
		best = min(best, time.Since(from).Seconds())
	}
	return 2 * bytes / best, nil
}
