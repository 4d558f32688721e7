package vulkan

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

func bytesOf(block int, begin, end int64) []span { return []span{{block, begin, end}} }

func copyWork(call int, from, to span, save bool) work {
	return work{call: call, load: &load{from, to, save}, reads: []span{from}, writes: []span{to}}
}

// Four calls that use two places in turns: each load but the first two comes when
// the call that last used its place has ended, a call before it is needed.
func TestLoadsComeAheadOfTheirCalls(t *testing.T) {
	const device, host = 0, 1
	var all []work
	for call := range 4 {
		place := span{device, int64(call%2) * 100, int64(call%2)*100 + 100}
		all = append(all, copyWork(call, span{host, int64(call) * 100, int64(call)*100 + 100}, place, false))
		all = append(all, work{call: call, reads: []span{place}, writes: bytesOf(2, 0, 10)})
	}
	c, l := vk.Compute, vk.Transfer
	want := []turn{
		{0, l, 0}, {2, l, 0}, // loads of calls 0 and 1
		{1, c, 1},            // call 0
		{4, l, 3}, {3, c, 2}, // the load of call 2 after call 0, beside call 1
		{6, l, 5}, {5, c, 4}, {7, c, 6},
	}
	if got := schedule(all); !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// A save runs beside the next call; what overwrites its bytes, and what loads them
// back, waits for it.
func TestSavesRunBesideTheNextCall(t *testing.T) {
	const device, host = 0, 1
	x, y, parked := span{device, 0, 100}, span{device, 100, 200}, span{host, 0, 100}
	all := []work{
		{call: 0, writes: []span{x}},
		copyWork(0, x, parked, true),
		{call: 1, reads: []span{x}, writes: []span{y}},
		{call: 2, writes: []span{x}},
		copyWork(3, parked, y, false),
		{call: 3, reads: []span{y}},
	}
	c, l := vk.Compute, vk.Transfer
	want := []turn{{0, c, 0}, {1, l, 1}, {2, c, 0}, {4, l, 3}, {3, c, 2}, {5, c, 4}}
	if got := schedule(all); !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// In any entry, items that conflict end in their order: by their lane, or because
// the later one's lane waited for the earlier one.
func TestScheduleKeepsTheOrderOfConflicts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	crossed := 0
	for range 300 {
		all := randomWork(random)
		turns := schedule(all)
		if len(turns) != len(all) {
			t.Fatalf("%d turns of %d items", len(turns), len(all))
		}
		place, waited := make([]int, len(all)), make([]int, len(all))
		var lanes [2]int
		for n, x := range turns {
			lanes[x.lane] = max(lanes[x.lane], x.need)
			place[x.item], waited[x.item] = n, lanes[x.lane]
		}
		for j := range all {
			for i := range j {
				if !all[i].conflicts(&all[j]) {
					continue
				}
				if place[i] >= place[j] {
					t.Fatalf("item %d comes before item %d, which it follows: %v", j, i, turns)
				}
				if (all[i].load == nil) != (all[j].load == nil) {
					crossed++
					if waited[j] <= place[i] {
						t.Fatalf("item %d does not wait for item %d of the other lane: %v", j, i, turns)
					}
				}
			}
		}
	}
	if crossed == 0 {
		t.Error("no conflict between lanes was tried")
	}
}

// randomWork is an entry of some calls with loads before and saves after their instructions.
func randomWork(r *rand.Rand) []work {
	somewhere := func(block int) span {
		begin := r.Int64N(8)
		return span{block, begin, begin + 1 + r.Int64N(2)}
	}
	const device, host = 0, 1
	var all []work
	for call := range 8 {
		for range r.IntN(3) {
			all = append(all, copyWork(call, somewhere(host), somewhere(device), false))
		}
		for range r.IntN(4) {
			all = append(all, work{call: call, reads: []span{somewhere(device)}, writes: []span{somewhere(device)}})
		}
		for range r.IntN(3) {
			all = append(all, copyWork(call, somewhere(device), somewhere(host), true))
		}
	}
	return all
}
