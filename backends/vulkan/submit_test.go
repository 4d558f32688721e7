package vulkan

import (
	"testing"
	"time"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// cutAll cuts a list into submissions at a speed of 1000 a second.
func cutAll(list []command) (batches [][]command, costs []float64) {
	x := &Executable{pace: pace{1000}}
	for len(list) > 0 {
		var batch []command
		var cost float64
		batch, cost, list = x.cut(list, byNeed)
		batches, costs = append(batches, batch), append(costs, cost)
	}
	return batches, costs
}

// byNeed is the other lane's time where each of its commands is a submission.
func byNeed(c *command) uint64 { return uint64(c.need) }

func dispatchOf(cost float64, groups ...uint32) command {
	return command{Command: vk.Command{Groups: [3]uint32(groups), Barrier: 1}, cost: cost}
}

// Submissions stay within their time, dispatches too, and every workgroup is
// done once, in order.
func TestCut(t *testing.T) {
	long := dispatchOf(200, 5, 40, 1)
	list := []command{dispatchOf(10, 1, 1, 1), dispatchOf(20, 7, 1, 1), dispatchOf(29, 1, 1, 1), dispatchOf(10, 1, 1, 1), long, dispatchOf(1, 3, 1, 1)}
	batches, costs := cutAll(list)
	groups := uint32(0)
	next := uint32(0) // of the long one's rows
	for i, batch := range batches {
		if limit := 1000 * submissionTime.Seconds(); costs[i] > limit+1000*dispatchTime.Seconds() {
			t.Errorf("submission %d costs %g, more than %g", i, costs[i], limit)
		}
		for _, c := range batch {
			groups += c.Groups[0] * c.Groups[1] * c.Groups[2]
			if c.Groups[0] != 5 {
				continue
			}
			if c.Base[1] != next {
				t.Errorf("a part begins at row %d, want %d", c.Base[1], next)
			}
			if (c.Barrier == 1) != (next == 0) {
				t.Errorf("the part at row %d has barrier %d: the first waits, parts do not wait for each other", next, c.Barrier)
			}
			next += c.Groups[1]
		}
	}
	if want := uint32(1 + 7 + 1 + 1 + 200 + 3); groups != want {
		t.Errorf("%d workgroups, want %d", groups, want)
	}
	if len(batches) < 5 {
		t.Errorf("%d submissions, want several", len(batches))
	}
}

// The speed follows what submissions take.
func TestPace(t *testing.T) {
	p := newPace()
	for range 60 {
		p.measured(1e9, 10*time.Millisecond)
	}
	if p.speed < 0.9e11 || p.speed > 1.1e11 {
		t.Errorf("speed %g, want 1e11", p.speed)
	}
}

func TestHazards(t *testing.T) {
	at := func(begin, end int64) span { return span{0, begin, end} }
	h := &hazards{}
	for i, c := range []struct {
		reads, writes span
		want          bool
		why           string
	}{
		{at(0, 8), at(8, 16), false, "nothing before"},
		{at(0, 8), at(16, 24), false, "only reads are shared"},
		{at(12, 14), at(32, 40), true, "reads what the first wrote"},
		{at(8, 16), at(40, 48), false, "what was written before the barrier is there"},
		{at(64, 72), at(12, 16), true, "writes what was read"},
		{at(64, 72), at(12, 16), true, "writes what was written"},
		{span{1, 12, 16}, span{1, 0, 4}, false, "another block"},
	} {
		w := &work{reads: []span{c.reads}, writes: []span{c.writes}}
		if got := h.needsBarrier(w); got != c.want {
			t.Errorf("step %d (%s): barrier %v", i, c.why, got)
		}
	}
}
