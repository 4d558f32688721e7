package vulkan

import "github.com/loraedge/loraedge/backends/vulkan/internal/vk"

// turn is an item of an entry in the order of submission.
type turn struct {
	item int // its place in what resolve gives
	lane vk.Lane
	// need counts turns up to the last one of the other lane that it waits for; 0 is none.
	need int
}

// schedule puts copies on a lane of their own, so that they run beside kernels.
// A load goes to the end of the last call that it conflicts with, so that it
// runs while the calls between compute; a save stays at the end of its call.
// Items that touch the same bytes, and do not only read them, keep their order.
func schedule(all []work) []turn {
	var list []turn
	for _, i := range order(all) {
		lane := vk.Compute
		if all[i].load != nil {
			lane = vk.Transfer
		}
		list = append(list, turn{item: i, lane: lane})
	}
	addNeeds(all, list)
	return list
}

// order is the order of submission.
func order(all []work) []int {
	calls := 0
	for i := range all {
		calls = max(calls, all[i].call+1)
	}
	ends := make([][]int, calls+1) // copies at the end of the call before; those of ends[0] come first
	at := make([]int, len(all))    // the call that a copy follows, or that an instruction is of
	for i := range all {
		w := &all[i]
		at[i] = w.call
		if w.load == nil {
			continue
		}
		if !w.load.save {
			at[i] = -1
			for j := i - 1; j >= 0 && all[j].call > at[i]; j-- {
				if at[j] > at[i] && w.conflicts(&all[j]) {
					at[i] = at[j]
				}
			}
		}
		ends[at[i]+1] = append(ends[at[i]+1], i)
	}
	list := append([]int(nil), ends[0]...)
	for i := range all {
		if all[i].load == nil {
			list = append(list, i)
		}
		if i+1 == len(all) || all[i+1].call != all[i].call {
			list = append(list, ends[all[i].call+1]...)
		}
	}
	return list
}

// addNeeds finds what each turn must wait for in the other lane. What a lane
// waited for once has ended for all that follows in it.
func addNeeds(all []work, list []turn) {
	var places [2][]int // of the turns of each lane
	var waited [2]int
	for t := range list {
		lane := list[t].lane
		others := places[lane.Other()]
		for k := len(others) - 1; k >= 0 && others[k] >= waited[lane]; k-- {
			if all[list[t].item].conflicts(&all[list[others[k]].item]) {
				list[t].need = others[k] + 1
				waited[lane] = list[t].need
				break
			}
		}
		places[lane] = append(places[lane], t)
	}
}

// conflicts says whether two items must keep their order.
func (w *work) conflicts(o *work) bool {
	return anyOverlap(w.reads, o.writes) || anyOverlap(w.writes, o.writes) || anyOverlap(w.writes, o.reads)
}
