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

// submit runs commands to their end.
func (x *Executable) submit(list []command) error {
	type pending struct {
		when uint64
		cost float64
	}
	var waiting []pending
	last := time.Now()
	finish := func() error {
		p := waiting[0]
		waiting = waiting[1:]
		if err := x.device.Wait(p.when); err != nil {
			return err
		}
		now := time.Now()
		x.pace.measured(p.cost, now.Sub(last))
		last = now
		return nil
	}
	for len(list) > 0 {
		var batch []command
		var cost float64
		batch, cost, list = x.cut(list)
		when, err := x.device.Submit(plain(batch))
		if err != nil {
			return err
		}
		waiting = append(waiting, pending{when, cost})
		if len(waiting) > inFlight {
			if err := finish(); err != nil {
				return err
			}
		}
	}
	for len(waiting) > 0 {
		if err := finish(); err != nil {
			return err
		}
	}
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

// cut takes the next submission off a list. A dispatch that is too long is
// taken in parts of its grid.
func (x *Executable) cut(list []command) ([]command, float64, []command) {
	budget, single := x.pace.cost(submissionTime), x.pace.cost(dispatchTime)
	var batch []command
	var cost float64
	for len(list) > 0 && (len(batch) == 0 || cost+list[0].cost <= budget) {
		c := list[0]
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
	rest.Barrier = 0
	return part, rest, true
}
