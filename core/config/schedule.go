package config

import (
	"slices"
	"strings"
)

// plateau is the schedule that goes by evaluations.
const plateau = "reduce_lr_on_plateau"

var schedulers = []string{
	"cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "cosine_with_min_lr", "polynomial",
	"inverse_sqrt", "warmup_stable_decay", plateau,
}

// heeds lists, for each key of a schedule, the schedules that heed it; the
// warm-up is heeded by all but two.
var heeds = []struct {
	key        string
	schedulers []string
}{
	{"num_cycles", []string{"cosine", "cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"}},
	{"power", []string{"polynomial"}},
	{"lr_end", []string{"polynomial"}},
	{"min_lr", []string{"cosine_with_min_lr", plateau}},
	{"min_lr_rate", []string{"cosine_with_min_lr", "warmup_stable_decay"}},
	{"timescale", []string{"inverse_sqrt"}},
	{"num_decay_steps", []string{"warmup_stable_decay"}},
	{"warmup_type", []string{"warmup_stable_decay"}},
	{"decay_type", []string{"warmup_stable_decay"}},
	{"plateau_factor", []string{plateau}},
	{"plateau_patience", []string{plateau}},
	{"plateau_threshold", []string{plateau}},
	{"plateau_cooldown", []string{plateau}},
}

// checkSchedule refuses settings that the schedule does not heed, and misses
// those that it cannot do without.
func (d *decoder) checkSchedule(c *Config) {
	kind := c.Train.LRScheduler
	if d.failedAt("train.lr_scheduler") {
		return
	}
	for _, h := range heeds {
		if n := d.given["train."+h.key]; n != nil && !slices.Contains(h.schedulers, kind) {
			d.fail(n.keyErrorf("remove it, or choose another lr_scheduler", "%s has no effect with lr_scheduler = %q: it belongs to %s",
				h.key, kind, strings.ReplaceAll(oneOf(h.schedulers), " or ", " and ")))
		}
	}
	if kind == "constant" || kind == plateau {
		for _, key := range []string{"warmup_steps", "warmup_ratio"} {
			n := d.given["train."+key]
			if n == nil || n.value == int64(0) || n.value == 0.0 {
				continue
			}
			hint := "remove it"
			if kind == "constant" {
				hint = `write lr_scheduler = "constant_with_warmup"`
			}
			d.fail(n.keyErrorf(hint, "%s has no effect with lr_scheduler = %q, which has no warm-up", key, kind))
		}
		c.Train.WarmupSteps, c.Train.WarmupRatio = 0, 0
	}
	d.checkScheduleNumbers(c)
}

func (d *decoder) checkScheduleNumbers(c *Config) {
	t := &c.Train
	n := d.given["train.lr_scheduler"]
	switch {
	case t.LRScheduler == "cosine_with_min_lr" && d.given["train.min_lr"] == nil && d.given["train.min_lr_rate"] == nil:
		d.fail(n.errorf("add min_lr_rate = 0.1 to [train]", "cosine_with_min_lr needs min_lr or min_lr_rate"))
	case t.LRScheduler == "warmup_stable_decay" && d.given["train.num_decay_steps"] == nil:
		d.fail(n.errorf("add num_decay_steps = 100 to [train], or how many of the last steps else", "warmup_stable_decay needs num_decay_steps"))
	}
	if cycles := d.given["train.num_cycles"]; cycles != nil && t.LRScheduler == "cosine_with_restarts" && t.NumCycles != float64(int(t.NumCycles)) {
		d.fail(cycles.errorf("", "num_cycles of cosine_with_restarts is a whole number"))
	}
	for _, low := range []struct {
		key  string
		rate float64
	}{{"min_lr", t.MinLR}, {"lr_end", t.LREnd}} {
		if n := d.given["train."+low.key]; n != nil && !d.failedAt("train.learning_rate") && !d.failedAt("train."+low.key) && low.rate >= t.LearningRate {
			d.fail(n.errorf("", "%s is not below learning_rate, which is %g", low.key, t.LearningRate))
		}
	}
}
