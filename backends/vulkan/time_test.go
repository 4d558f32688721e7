package vulkan

import (
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

var (
	_ backends.Timer = (*Executable)(nil)
	_ backends.Meter = (*Backend)(nil)
)

// An instruction of several dispatches has one time; parts of one in two
// submissions have two, which are added.
func TestTimed(t *testing.T) {
	var batch []command
	for _, item := range []int{-1, 0, 0, 1, 3} {
		batch = append(batch, command{Command: vk.Command{Groups: [3]uint32{1, 1, 1}}, item: item})
	}
	commands, items := timed(batch)
	if want := []int{-1, 0, 1, 3}; !slices.Equal(items, want) {
		t.Errorf("items %v, want %v", items, want)
	}
	var waits []bool
	for _, c := range commands {
		waits = append(waits, c.Barrier == 1)
	}
	// reset, time, -1, time, 0, 0, time, 1, time, 3, time
	want := []bool{false, true, false, true, true, false, true, true, true, true, true}
	if !slices.Equal(waits, want) {
		t.Errorf("barriers %v, want %v", waits, want)
	}
}

// Times of a small and a large product are of the right order, and timing
// computes what running does.
func TestTime(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	const rows, inputs = 256, 256
	p := productProgram(rows, inputs, 64, dtype.F32, dtype.F32)
	small := p.Segments[0].Instrs[0]
	small.In, small.Out = slices.Clone(small.In), slices.Clone(small.Out)
	small.In[0].Rows, small.Out[0].Rows = 1, 1
	p.Segments[0].Instrs = append(p.Segments[0].Instrs, small)
	e, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i, n := range []int{rows * inputs, 64 * inputs} {
		if err := e.Write(program.BufferID(i), 0, floatBytes(probeValues(n, uint32(i)))); err != nil {
			t.Fatal(err)
		}
	}
	// A driver may compile when a kernel first runs.
	if err := e.Run(0, &program.Scalars{}); err != nil {
		t.Fatal(err)
	}
	e.(*Executable).pace.speed = 1e7 // cut into many parts, whose times are one
	times, err := e.(backends.Timer).Time(0, &program.Scalars{})
	if err != nil {
		t.Fatal(err)
	}
	if len(times) != 2 || times[0].Instr != 0 || times[1].Instr != 1 || !(times[1].Seconds > 0) || !(times[0].Seconds > times[1].Seconds) {
		t.Errorf("%+v, want the first longer than the second", times)
	}
	got, want := make([]byte, 4*rows*64), make([]byte, 4*rows*64)
	for _, step := range []func() error{
		func() error { return e.Read(2, 0, got) },
		func() error { return e.Run(0, &program.Scalars{}) },
		func() error { return e.Read(2, 0, want) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Error("a timed run computes something else")
	}
	b.device.Info.TickBits = 0
	if _, err := e.(backends.Timer).Time(0, &program.Scalars{}); err == nil {
		t.Error("no error from a device without timestamps")
	}
}
