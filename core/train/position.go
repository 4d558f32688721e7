package train

import (
	"fmt"

	"github.com/loraedge/loraedge/core/data"
)

// Position is the place in the data at which the next window begins.
type Position struct {
	Epoch int `json:"epoch"`
	Batch int `json:"batch"` // in the epoch
}

// cursor walks the windows of a plan: Accumulation batches each, fewer at the
// end of an epoch.
type cursor struct {
	plan         *data.Plan
	accumulation int
	at           Position
	epoch        [][]int // batches of epoch at.Epoch
	loaded       int     // its number, -1 for none
}

func newCursor(plan *data.Plan, accumulation int, at Position) *cursor {
	return &cursor{plan: plan, accumulation: accumulation, at: at, loaded: -1}
}

// next returns the next window and moves past it.
func (c *cursor) next() ([]*data.Batch, error) {
	c.load()
	if c.at.Batch >= len(c.epoch) {
		return nil, fmt.Errorf("the checkpoint goes on at batch %d of epoch %d, which has only %d: it is damaged, remove its folder to use an earlier one",
			c.at.Batch, c.at.Epoch, len(c.epoch))
	}
	end := min(c.at.Batch+c.accumulation, len(c.epoch))
	window, err := c.plan.Window(c.epoch[c.at.Batch:end])
	if err != nil {
		return nil, err
	}
	c.at.Batch = end
	if end == len(c.epoch) {
		c.at = Position{Epoch: c.at.Epoch + 1}
	}
	return window, nil
}

func (c *cursor) load() {
	if c.loaded != c.at.Epoch {
		c.epoch, c.loaded = c.plan.Epoch(c.at.Epoch), c.at.Epoch
	}
}

// progress is the position in epochs.
func (c *cursor) progress() float64 {
	c.load()
	return float64(c.at.Epoch) + float64(c.at.Batch)/float64(len(c.epoch))
}

// Steps is the number of optimizer steps of some epochs; the last one may be a
// part of an epoch.
func Steps(plan *data.Plan, accumulation int, epochs float64) int {
	steps := 0
	for e := 0; float64(e) < epochs; e++ {
		n := (len(plan.Epoch(e)) + accumulation - 1) / accumulation
		if part := epochs - float64(e); part < 1 {
			n = max(1, int(part*float64(n)+0.5))
		}
		steps += n
	}
	return steps
}

// Windows gives the windows of a run one after another, from its beginning.
func Windows(plan *data.Plan, accumulation int) func() ([]*data.Batch, error) {
	return newCursor(plan, accumulation, Position{}).next
}
