package lower_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
)

// What is parked changes no bit of what is computed, whatever else is kept,
// streamed, dropped or split.
func TestParkedIsAsResident(t *testing.T) {
	const blocks, row = 5, 8
	s := training(1.0 / 16)
	var window []*data.Batch
	for i, e := range examples() {
		window = append(window, data.NewBatch([]data.Example{e}, row, i*row))
	}
	for _, o := range []lower.Options{
		{},
		{Keep: 2},
		{Keep: lower.KeepAll},
		{Stream: 3},
		{Keep: 1, Stream: lower.KeepAll},
	} {
		o.Train, o.Micros, o.Adapter = []int{row}, len(window), withDoRA(2, 0.2)
		type result struct{ step, layers, split []float64 }
		var want result
		for park := range blocks + 1 {
			o.Park = park
			m := start(t, tall(blocks), o)
			var got result
			for _, b := range window {
				m.run(t, program.Step, s, b)
			}
			got.step = m.gradients()
			m.clearGradients()
			m.run(t, program.Step, s, window...)
			got.layers = m.gradients()
			m.clearGradients()
			m.run(t, program.Forward, s, window[0])
			m.run(t, program.Backward, s, window[0])
			got.split = m.gradients()
			if park == 0 {
				want = got
			}
			if !slices.Equal(got.step, want.step) || !slices.Equal(got.layers, want.layers) || !slices.Equal(got.split, want.split) {
				t.Errorf("keep %d, stream %d, park %d: other gradients", o.Keep, o.Stream, park)
			}
		}
	}
}

// Each parked input takes its bytes from the device to the host.
func TestParkingFreesTheDevice(t *testing.T) {
	bytes := func(park int) map[program.Class]int64 {
		m, err := lower.Lower(tall(6), lower.Options{Train: []int{64}, Micros: 3, Park: park, Adapter: allLinear(2, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return m.Program.Bytes()
	}
	resident := bytes(0)
	for _, c := range []struct{ park, parked int }{{0, 0}, {1, 1}, {4, 4}, {5, 5}, {1 << 30, 5}} {
		got, want := bytes(c.park), int64(c.parked)*3*64*width*4
		if got[program.Parked] != want || resident[program.Arena]-got[program.Arena] != want {
			t.Errorf("park %d: %d bytes parked and %d fewer on the device, want %d of both", c.park, got[program.Parked], resident[program.Arena]-got[program.Arena], want)
		}
	}
}

// A copy has the time of a neighbouring block: the next block does not write over
// what is being saved, and the block before uses no place that is loaded.
func TestParkingLeavesTimeForCopies(t *testing.T) {
	const blocks = 6
	for _, micros := range []int{1, 2} {
		m, err := lower.Lower(tall(blocks), lower.Options{Train: []int{8}, Micros: micros, Park: blocks, Adapter: allLinear(2, 0)})
		if err != nil {
			t.Fatal(err)
		}
		p := m.Program
		copies := 0
		for _, e := range p.Entries {
			if e.Kind != program.Step || e.Micros != micros {
				continue
			}
			for i, c := range e.Calls {
				for _, save := range c.Saves {
					copies++
					for j := i + 1; j <= i+micros; j++ { // up to the same micro batch in the next block
						if out := argument(p, e.Calls[j], "out"); out >= 0 && overlap(p.Buffers[save.From], p.Buffers[out]) {
							t.Errorf("call %d saves what call %d writes over", i, j)
						}
					}
				}
				for _, load := range c.Loads {
					copies++
					for j := i - micros; j < i; j++ {
						for _, id := range e.Calls[j].Args {
							if overlap(p.Buffers[id], p.Buffers[load.To]) {
								t.Errorf("call %d loads to %s, which call %d uses", i, p.Buffers[id].Name, j)
							}
						}
					}
				}
			}
		}
		if want := 2 * (blocks - 1) * micros; copies != want {
			t.Errorf("%d copies in %d micro batches, want %d", copies, micros, want)
		}
	}
}

// argument is the buffer that a call binds to a parameter, by name.
func argument(p *program.Program, c program.Call, name string) program.BufferID {
	for i, x := range p.Segments[c.Segment].Params {
		if x.Name == name {
			return c.Args[i]
		}
	}
	return -1
}

// Blocks with dropout share their code, and yet each module drops by a number of
// its own, in the graph's order, the same in forward and backward.
func TestDropoutSharesSegments(t *testing.T) {
	plain, err := lower.Lower(tall(4), lower.Options{Train: []int{8}, Adapter: allLinear(2, 0)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := lower.Lower(tall(4), lower.Options{Train: []int{8}, Adapter: allLinear(2, 0.1)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(m.Program.Segments), len(plain.Program.Segments); got != want {
		t.Errorf("%d segments with dropout, %d without", got, want)
	}
	p := m.Program
	for _, e := range p.Entries {
		var order []uint32
		for i := range e.Calls {
			c := &e.Calls[i]
			for j := range p.Segments[c.Segment].Instrs {
				in := &p.Segments[c.Segment].Instrs[j]
				if in.Op == program.OpLinear && in.Attr.Dropout.P > 0 {
					order = append(order, c.Attr(in).Dropout.Module)
				}
			}
		}
		if e.Kind != program.Score {
			continue
		}
		var want []uint32
		for i := range m.Modules {
			want = append(want, uint32(i))
		}
		if fmt.Sprint(order) != fmt.Sprint(want) {
			t.Errorf("modules drop by the numbers %v, want %v", order, want)
		}
	}
}
