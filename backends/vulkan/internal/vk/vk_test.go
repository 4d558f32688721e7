package vk

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// device opens the device that LORAEDGE_VULKAN_DEVICE names, or returns nil
// where it names none; then only what needs no device is tested.
func device(t *testing.T) *Device {
	t.Helper()
	name := os.Getenv("LORAEDGE_VULKAN_DEVICE")
	if name == "" {
		t.Log("nothing was run on a device: LORAEDGE_VULKAN_DEVICE names none")
		return nil
	}
	v, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	all, err := v.Devices()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range all {
		if strings.Contains(info.Name, name) {
			d, err := v.OpenDevice(info)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
			return d
		}
	}
	t.Fatalf("there is no device %q among %d", name, len(all))
	return nil
}

func alloc(t *testing.T, d *Device, size int64, where Where) *Block {
	t.Helper()
	b, err := d.Alloc(size, where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Free(b) })
	return b
}

// Commands run in order, with a barrier between those that touch the same bytes.
func TestCopyAndFill(t *testing.T) {
	d := device(t)
	if d == nil {
		return
	}
	host, block := alloc(t, d, 64, ForHost), alloc(t, d, 256, OnDevice)
	if block.Address == 0 || block.Address%16 != 0 {
		t.Errorf("address %#x, want a multiple of 16", block.Address)
	}
	for i := range host.Mapped {
		host.Mapped[i] = byte(i)
	}
	commands := []Command{Copy(block, 128, host, 0, 64), Fill(block, 132, 4), Copy(host, 0, block, 128, 64)}
	commands[1].Barrier, commands[2].Barrier = 1, 1
	for range 10 { // more submissions than are recorded at a time
		when, err := d.Submit(commands)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(Compute, when); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte{0, 1, 2, 3, 0, 0, 0, 0, 8, 9}; !bytes.Equal(host.Mapped[:10], want) {
		t.Errorf("read %v, want %v", host.Mapped[:10], want)
	}
}

// What the validation layer finds is an error of the call.
func TestValidationFindsMistakes(t *testing.T) {
	d := device(t)
	if d == nil {
		return
	}
	if os.Getenv("LORAEDGE_VULKAN_VALIDATION") != "1" {
		t.Log("nothing to test: LORAEDGE_VULKAN_VALIDATION is not 1")
		return
	}
	a, b := alloc(t, d, 64, OnDevice), alloc(t, d, 128, OnDevice)
	when, err := d.Submit([]Command{Copy(a, 0, b, 0, 64), Copy(b, 0, a, 0, 64)}) // no barrier between
	if err == nil || !strings.Contains(err.Error(), "vulkan validation: ") || !strings.Contains(strings.ToLower(err.Error()), "hazard") {
		t.Errorf("error %v, want one of the validation layer", err)
	}
	if err := d.Wait(Compute, when); err != nil {
		t.Error(err)
	}
}

func TestOutOfMemory(t *testing.T) {
	d := device(t)
	if d == nil || os.Getenv("LORAEDGE_VULKAN_VALIDATION") == "1" {
		return // the layer has its own error for what no device has
	}
	_, err := d.Alloc(1<<46, OnDevice)
	if !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("error %v, want %v", err, ErrOutOfMemory)
	}
}

// A device that is too old, or lacks something, says what.
func TestLacks(t *testing.T) {
	usable := Info{
		Version: [2]int{1, 3}, ComputeQueue: true, Features: Features{Address: true, Timeline: true, ScalarLayout: true, Storage16: true},
		SubgroupOperations: 0xff, PushConstants: 128, MaxInvocations: 256, SharedMemory: 32 << 10,
	}
	for _, c := range []struct {
		change func(*Info)
		want   string
	}{
		{func(*Info) {}, ""},
		{func(i *Info) { i.Version[1] = 1 }, "Vulkan 1.2 (it has 1.1)"},
		{func(i *Info) { i.ComputeQueue = false }, "a queue for compute"},
		{func(i *Info) { i.Features.Address, i.Features.Timeline = false, false }, "bufferDeviceAddress, timelineSemaphore"},
		{func(i *Info) { i.SubgroupOperations = 1 }, "subgroup arithmetic and shuffles"},
		{func(i *Info) { i.SharedMemory = 16 << 10 }, "32 KiB of shared memory"},
	} {
		info := usable
		c.change(&info)
		if got := strings.Join(info.Lacks(), ", "); got != c.want {
			t.Errorf("lacks %q, want %q", got, c.want)
		}
	}
}

// A clock of few bits begins anew between two points.
func TestSeconds(t *testing.T) {
	i := Info{TickNanoseconds: 500, TickBits: 36}
	got := i.seconds([]uint64{1<<36 - 2000, 1<<36 - 1000, 1000})
	if len(got) != 2 || got[0] != 1000*500*1e-9 || got[1] != 2000*500*1e-9 {
		t.Errorf("%v, want 0.5 and 1 ms", got)
	}
}
