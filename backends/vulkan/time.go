package vulkan

import (
	"slices"
	"time"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
)

// Time runs an entry and returns the seconds of each of its instructions by the
// device's own clock, in the order of the entry's calls. Instructions do not
// overlap here as they may in Run. A device without timestamps is an error.
func (x *Executable) Time(entry int, s *program.Scalars) ([]backends.Timing, error) {
	all := backends.Timings(x.program, entry)
	err := x.run(entry, s, func(list []command) error { return x.submitTimed(list, all) })
	if err != nil {
		return nil, err
	}
	return all, nil
}

// submitTimed runs commands to their end and adds the time of each to that of
// its instruction.
func (x *Executable) submitTimed(list []command, times []backends.Timing) error {
	if err := x.device.PrepareTimes(); err != nil {
		return err
	}
	list = oneByOne(list)
	for len(list) > 0 {
		n := min(len(list), vk.MaxTimes-1)
		batch, cost, rest := x.cut(list[:n:n], noWait)
		list = slices.Concat(rest, list[n:])
		commands, items := timed(batch)
		from := time.Now()
		when, err := x.device.Submit(commands)
		if err == nil {
			err = x.device.Wait(vk.Compute, when)
		}
		if err != nil {
			return err
		}
		x.pace.measured(cost, time.Since(from))
		seconds, err := x.device.Times(len(items) + 1)
		if err != nil {
			return err
		}
		for i, item := range items {
			if item >= 0 {
				times[item].Seconds += seconds[i]
			}
		}
	}
	return nil
}

// noWait is for commands of one lane.
func noWait(*command) uint64 { return 0 }

// oneByOne has the commands of both lanes in one.
func oneByOne(list []command) []command {
	all := slices.Clone(list)
	for i := range all {
		all[i].lane, all[i].need = vk.Compute, 0
	}
	return all
}

// timed puts a point in time before a batch and after each of its instructions,
// whose items it returns.
func timed(batch []command) (commands []vk.Command, items []int) {
	commands = append(commands, vk.ResetTimes(vk.MaxTimes), vk.Time(0))
	for i, c := range batch {
		if i == 0 || c.item != batch[i-1].item {
			if i > 0 {
				commands = append(commands, vk.Time(len(items)))
				c.Barrier = 1
			}
			items = append(items, c.item)
		}
		commands = append(commands, c.Command)
	}
	return append(commands, vk.Time(len(items))), items
}
