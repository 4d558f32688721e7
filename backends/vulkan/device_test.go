package vulkan

import (
	"math"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
)

// Every tile gives the same product within rounding, also those that small
// shapes do not take by themselves.
func TestTiles(t *testing.T) {
	if !withDevice(t) {
		return
	}
	b := open(t).(*Backend)
	for _, op := range []program.Op{program.OpLinear, program.OpLinearGrad, program.OpLinearWeightGrad} {
		for _, c := range bt.Cases(op) {
			if !strings.Contains(c.Name, "65x129") && !strings.Contains(c.Name, "70x129") || !strings.Contains(c.Name, "view") {
				continue
			}
			t.Run(op.String()+"/"+c.Name, func(t *testing.T) {
				b.device.forceTile = tile{}
				want := c.Execute(t, b)
				for _, forced := range tiles {
					b.device.forceTile = forced.tile
					for i, got := range c.Execute(t, b)[0] {
						if d := math.Abs(float64(got - want[0][i])); !(d <= 2e-5*(10+math.Abs(float64(want[0][i])))) {
							t.Fatalf("tile %v: element %d is %g, and %g with the usual tile", forced.tile, i, got, want[0][i])
						}
					}
				}
			})
		}
	}
}

// A device has 32 KiB of shared memory and 256 invocations in a workgroup, or is passed over (vk.Info.Lacks).
func TestTilesFit(t *testing.T) {
	for _, x := range tiles {
		if shared := x.bk * (x.bm/4 + x.bn/4 + 2) * 16; shared > 32<<10 || x.invocations() > 256 {
			t.Errorf("tile %v takes %d bytes and %d invocations", x.tile, shared, x.invocations())
		}
	}
}

func TestDevices(t *testing.T) {
	if !withDevice(t) {
		return
	}
	list, err := Devices(Options{})
	if err != nil {
		t.Fatal(err)
	}
	about := open(t).Describe()
	for _, d := range list {
		if strings.HasPrefix(about.Detail, d.Name) {
			if d.MemoryBytes == 0 || d.Driver == "" || len(d.Types) == 0 {
				t.Errorf("too little is known: %+v", d)
			}
			return
		}
	}
	t.Errorf("%q is not among %+v", about.Detail, list)
}

var _ backends.Backend = (*Backend)(nil)
