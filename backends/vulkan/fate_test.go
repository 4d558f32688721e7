package vulkan

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Vulkan's results as the specification numbers them.
const (
	outOfDeviceMemory = -2
	deviceLost        = -4
)

// What a driver may answer at any call comes to the core by its name, and
// everything can still be freed.
func TestFaults(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	p := productProgram(8, 8, 8, dtype.F32, dtype.F32)
	e, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	run := func() error { return e.Run(0, &program.Scalars{}) }
	compile := func() error { _, err := b.Compile(p); return err }
	for _, c := range []struct {
		call   string
		result int32
		do     func() error
		want   error
		text   string
	}{
		{"submit", deviceLost, run, backends.ErrLost, "vulkan: run of entry 0: submit: the device was lost"},
		{"wait", deviceLost, run, backends.ErrLost, "vulkan: run of entry 0: wait: the device was lost"},
		{"wait", deviceLost, func() error { return e.Read(2, 0, make([]byte, 4)) }, backends.ErrLost, "vulkan: read: wait: the device was lost"},
		{"submit", deviceLost, func() error { return e.Write(0, 0, make([]byte, 4)) }, backends.ErrLost, "vulkan: write: submit: the device was lost"},
		{"submit", outOfDeviceMemory, run, backends.ErrOutOfMemory, "vulkan: run of entry 0: submit: out of device memory"},
		{"alloc", outOfDeviceMemory, compile, backends.ErrOutOfMemory, "vulkan: allocate 8388608 bytes: out of device memory"},
	} {
		b.device.Fault = func(call string) int32 {
			if call == c.call {
				return c.result
			}
			return 0
		}
		err := c.do()
		b.device.Fault = nil
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s gives %d: %v, want %q", c.call, c.result, err, c.text)
		}
	}
	// Memory that was refused is no reason to give up what is there.
	if err := run(); err != nil {
		t.Error(err)
	}
}

// Whichever allocation is refused, compiling ends with an error that says so, and what was
// allocated before is freed, which the validation layer would tell otherwise. Whichever submission loses the
// device, a run ends with an error that says that.
func TestEachAllocationAndSubmissionMayFail(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	p := orderedPrograms(t)["streamed and parked"]
	// failing counts calls, and gives result to the one with the number at.
	failing := func(name string, at int, result int32) *int {
		calls := 0
		b.device.Fault = func(call string) int32 {
			if call != name {
				return 0
			}
			if calls++; calls-1 == at {
				return result
			}
			return 0
		}
		return &calls
	}
	allocations := failing("alloc", -1, 0)
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	step := slices.IndexFunc(p.Entries, func(e program.Entry) bool { return e.Kind == program.Step })
	for _, io := range p.Entries[step].IO { // one document
		last := bytes.Repeat([]byte{15, 0, 0, 0}, 16)
		if err := x.Write(io.Last, 0, last); err != nil {
			t.Fatal(err)
		}
	}
	run := func() error {
		x.(*Executable).pace = pace{1e6} // many submissions
		return x.Run(step, &program.Scalars{})
	}
	submissions := failing("submit", -1, 0)
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if *allocations < len(p.Blocks)+3 || *submissions < 2 {
		t.Fatalf("%d allocations of %d blocks, %d submissions", *allocations, len(p.Blocks), *submissions)
	}
	for at := range *allocations {
		failing("alloc", at, outOfDeviceMemory)
		e, err := b.Compile(p)
		if e != nil || !errors.Is(err, backends.ErrOutOfMemory) || !strings.Contains(err.Error(), "bytes: out of device memory") {
			t.Errorf("allocation %d of %d is refused: %v", at, *allocations, err)
		}
	}
	for at := 0; ; at++ {
		calls := failing("submit", at, deviceLost)
		err := run()
		if *calls <= at { // how many there are depends on how fast the device was
			if err != nil {
				t.Error(err)
			}
			break
		}
		if !errors.Is(err, backends.ErrLost) || !strings.Contains(err.Error(), "submit: the device was lost") {
			t.Errorf("submission %d: %v", at, err)
		}
	}
	b.device.Fault = nil
}

// The third block does not fit: the first two are freed, which the validation
// layer would tell otherwise.
func TestOutOfMemoryWhileCompiling(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	calls := 0
	b.device.Fault = func(call string) int32 {
		if call == "alloc" {
			if calls++; calls > 5 {
				return outOfDeviceMemory
			}
		}
		return 0
	}
	_, err := b.Compile(productProgram(8, 8, 8, dtype.F32, dtype.F32))
	if !errors.Is(err, backends.ErrOutOfMemory) || !strings.Contains(err.Error(), "block 2 of 3") {
		t.Errorf("%v, want one of block 2 of 3", err)
	}
}
