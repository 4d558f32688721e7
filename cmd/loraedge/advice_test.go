package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/job"
	"github.com/loraedge/loraedge/core/program"
)

// failing is a device on which call number `at` of Run or Read, and all that follow, give err.
type failing struct {
	backends.Backend
	call string
	at   int
	err  error
}

func (f *failing) Compile(p *program.Program) (backends.Executable, error) {
	e, err := f.Backend.Compile(p)
	return &failingExecutable{e, f, 0}, err
}

type failingExecutable struct {
	backends.Executable
	device *failing
	calls  int
}

func (e *failingExecutable) fails(call string) error {
	if call == e.device.call {
		e.calls++
	}
	if e.calls < e.device.at {
		return nil
	}
	return fmt.Errorf("gpu: %s: %w", call, e.device.err)
}

func (e *failingExecutable) Run(entry int, s *program.Scalars) error {
	if err := e.fails("run"); err != nil {
		return err
	}
	return e.Executable.Run(entry, s)
}

func (e *failingExecutable) Read(b program.BufferID, offset int64, data []byte) error {
	if err := e.fails("read"); err != nil {
		return err
	}
	return e.Executable.Read(b, offset, data)
}

// Whatever call the device fails in, the error says so and what to do, and the
// run goes on from its last checkpoint to the same bytes.
func TestDeviceFails(t *testing.T) {
	whole := newRun(t, "10", "2")
	want := runToEnd(t, whole)
	for _, c := range []struct {
		call   string
		at     int
		err    error
		advice string
	}{
		{"run", 20, backends.ErrLost, "--resume"},
		{"read", 40, backends.ErrLost, "--resume"}, // while a checkpoint is written
		{"run", 20, backends.ErrOutOfMemory, "[device] memory"},
	} {
		dir := newRun(t, "10", "2")
		err := trainOn(t, dir, &failing{call: c.call, at: c.at, err: c.err})
		if !errors.Is(err, c.err) {
			t.Fatalf("%s %d: %v, want %v", c.call, c.at, err, c.err)
		}
		t.Logf("loraedge: %v\n%s", err, advice(err))
		for _, part := range []string{"gpu: " + c.call, c.err.Error(), "the checkpoint of step", "go on with --resume"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not have %q", err, part)
			}
		}
		if !strings.Contains(advice(err), c.advice) {
			t.Errorf("advice %q, want %q in it", advice(err), c.advice)
		}
		want.equals(t, runToEnd(t, dir))
	}
}

// trainOn is loraedge run with another device.
func trainOn(t *testing.T, dir string, device *failing) error {
	t.Helper()
	ctx := context.Background()
	c, err := config.Load(filepath.Join(dir, "lora.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	deps, done, err := newDeps(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	device.Backend = deps.Device
	deps.Device = device
	j, err := job.Open(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	return j.Run(ctx, job.RunOptions{})
}
