package vulkan

import (
	"time"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// Drivers stop a device that works on one submission for too long: Windows
// after 2 s, and nothing on it survives. So submissions and single dispatches
// are cut by their cost and the device's measured speed.
const (
	submissionTime = 60 * time.Millisecond
	dispatchTime   = 30 * time.Millisecond
	// inFlight is how many submissions the device has waiting, so that it is
	// never idle.
	inFlight = 2
)

// pace is the device's speed as it turns out, in cost a second.
type pace struct{ speed float64 }

// newPace begins slowly: a first submission that is cut too small costs
// nothing that counts.
func newPace() pace { return pace{2e9} }

// measured moves the speed towards what a submission showed.
func (p *pace) measured(cost float64, took time.Duration) {
	if seconds := took.Seconds(); seconds > 1e-3 {
		p.speed += (cost/seconds - p.speed) / 4
	} else {
		p.speed *= 1.25
	}
}

func (p *pace) cost(d time.Duration) float64 { return p.speed * d.Seconds() }

// flight is a run of an entry's commands.
type flight struct {
	*Executable
	// before are the points that each lane waits for: all that the other was given
	// before this run.
	before [2]uint64
	// ends are the points in their lanes' time when commands have ended, by number.
	ends []uint64
	// waited is the last point in the other lane's time that each lane waited for.
	waited [2]uint64
	// computing are submissions that may still run; copies that may are before copied.
	computing []submission
	copied    uint64
	last      time.Time
}

// submission is one to the Compute lane.
type submission struct {
	when uint64
	cost float64
	// waited says that its time has a wait for copies in it.
	waited bool
}

// submit runs commands to their end.
func (x *Executable) submit(list []command) error {
	f := &flight{Executable: x, ends: make([]uint64, len(list)), last: time.Now()}
	for _, lane := range []vk.Lane{vk.Compute, vk.Transfer} {
		f.before[lane] = x.device.Last(lane.Other())
	}
	err := f.all(list)
	if err != nil {
		x.device.Idle() // nothing is under way after a run
	}
	return err
}

func (f *flight) all(list []command) error {
	for len(list) > 0 {
		var batch []command
		var cost float64
		batch, cost, list = f.cut(list, f.after)
		if err := f.one(batch, cost); err != nil {
			return err
		}
		if len(f.computing) > inFlight {
			if err := f.finish(); err != nil {
				return err
			}
		}
	}
	for len(f.computing) > 0 {
		if err := f.finish(); err != nil {
			return err
		}
	}
	if f.copied > 0 {
		return f.device.Wait(vk.Transfer, f.copied)
	}
	return nil
}

// one submits a batch.
func (f *flight) one(batch []command, cost float64) error {
	lane, after := batch[0].lane, f.after(&batch[0])
	when, err := f.device.SubmitAfter(lane, max(after, f.before[lane]), plain(batch))
	if err != nil {
		return err
	}
	f.submitted(batch, when)
	if lane == vk.Transfer {
		f.copied = when
	} else {
		f.computing = append(f.computing, submission{when, cost, after > 0})
	}
	return nil
}

// after is the point in the other lane's time that a command waits for; 0 is none, or
// one that its lane has waited for.
func (f *flight) after(c *command) uint64 {
	if c.need == 0 || f.ends[c.need-1] <= f.waited[c.lane] {
		return 0
	}
	return f.ends[c.need-1]
}

// submitted notes what a batch waited for, and when its commands have ended.
func (f *flight) submitted(batch []command, when uint64) {
	lane := batch[0].lane
	f.waited[lane] = max(f.waited[lane], f.after(&batch[0]))
	for _, c := range batch {
		f.ends[c.number] = when
	}
}

// finish waits for the first submission that may still run.
func (f *flight) finish() error {
	s := f.computing[0]
	f.computing = f.computing[1:]
	if err := f.device.Wait(vk.Compute, s.when); err != nil {
		return err
	}
	now := time.Now()
	if !s.waited {
		f.pace.measured(s.cost, now.Sub(f.last))
	}
	f.last = now
	return nil
}

// plain is what the device wants of commands.
func plain(list []command) []vk.Command {
	all := make([]vk.Command, len(list))
	for i, c := range list {
		all[i] = c.Command
	}
	return all
}

// cut takes the next submission off a list: commands of one lane, none of which waits for a
// later point in the other lane's time than the first; after has that point. Copies that are in one submission
// end together. A dispatch that is too long is taken in parts of its grid.
func (x *Executable) cut(list []command, after func(*command) uint64) ([]command, float64, []command) {
	budget, single := x.pace.cost(submissionTime), x.pace.cost(dispatchTime)
	var batch []command
	var cost float64
	for len(list) > 0 && (len(batch) == 0 || cost+list[0].cost <= budget) {
		c := list[0]
		if len(batch) > 0 && (c.lane != batch[0].lane || after(&c) > after(&batch[0])) {
			break
		}
		if c.cost > single {
			if part, rest, ok := split(c, single/c.cost); ok {
				batch, cost = append(batch, part), cost+part.cost
				return batch, cost, append([]command{rest}, list[1:]...)
			}
		}
		batch, cost = append(batch, c), cost+c.cost
		list = list[1:]
	}
	return batch, cost, list
}

// split takes a share of a grid off along its longest side. The parts do not
// depend on each other.
func split(c command, share float64) (part, rest command, ok bool) {
	side := 0
	for i := range c.Groups {
		if c.Groups[i] > c.Groups[side] {
			side = i
		}
	}
	n := c.Groups[side]
	take := uint32(max(1, float64(n)*share))
	if take >= n {
		return c, command{}, false
	}
	part, rest = c, c
	part.Groups[side], part.cost = take, c.cost*float64(take)/float64(n)
	rest.Groups[side], rest.cost = n-take, c.cost-part.cost
	rest.Base[side] += take
	rest.Barrier, rest.need = 0, 0
	return part, rest, true
}
