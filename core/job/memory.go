package job

import (
	"fmt"
	"sort"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/core/report"
)

// planner chooses the fastest strategy that fits the memory: keep all
// activations; keep those of as many blocks as fit and compute the others
// again; on a device with memory of its own, hold as many blocks as fit there
// and stream the others from the host's memory, all micro batches of a step
// through a block before the next, if that fits too.
type planner struct {
	*Job
	budget int64 // 0 is no limit
	o      lower.Options
}

// fit completes the options; an error says what would fit.
func (j *Job) fit(o lower.Options) (lower.Options, error) {
	device := j.Device.Describe()
	p := &planner{Job: j, budget: j.Config.Device.Memory.Bytes, o: o}
	if j.Config.Device.Memory.Auto {
		p.budget = device.MemoryBytes * 3 / 4
	}
	asked := j.Config.Device.GradientCheckpointing
	if asked != config.On {
		p.o.Keep = lower.KeepAll
		if ok, need, err := p.fits(); err != nil || ok || asked == config.Off {
			if err == nil && !ok {
				err = p.tooLarge(need)
			}
			return p.o, err
		}
	}
	p.o.Keep = 0
	ok, need, err := p.fits()
	switch {
	case err != nil:
		return p.o, err
	case ok && asked == config.On:
		return p.o, nil
	case ok:
		err = p.most(&p.o.Keep)
		return p.o, err
	case device.Streams && !o.Full:
		return p.stream(need)
	}
	return p.o, p.tooLarge(need)
}

// stream holds as many blocks on the device as fit, micro batch by micro batch
// or, where that loads less, all micro batches of a step at once.
func (p *planner) stream(resident int64) (lower.Options, error) {
	blocks, micros := len(p.Base.Graph.Blocks), p.Config.Train.GradientAccumulationSteps
	p.o.Stream = blocks
	ok, need, err := p.fits()
	if err != nil {
		return p.o, err
	}
	if !ok {
		return p.o, p.tooLarge(min(need, resident))
	}
	hold := func(n int) { p.o.Stream = blocks - n }
	if err := p.search(blocks, hold); err != nil || micros == 1 {
		return p.o, err
	}
	single := p.o
	p.o.Stream, p.o.Micros = blocks, micros
	if ok, _, err := p.fits(); err != nil || !ok {
		return single, err
	}
	if err := p.search(blocks, hold); err != nil || p.o.Stream < single.Stream*micros {
		return p.o, err
	}
	return single, nil
}

// most raises an option that fits at 0 to the highest number of blocks that does.
func (p *planner) most(option *int) error {
	return p.search(len(p.Base.Graph.Blocks), func(n int) { *option = n })
}

// search calls set with the highest number below limit at which the plan fits,
// given that it fits at 0.
func (p *planner) search(limit int, set func(int)) error {
	var failed error
	n := sort.Search(limit, func(n int) bool {
		set(n)
		ok, _, err := p.fits()
		if err != nil {
			failed = err
		}
		return !ok
	})
	set(max(0, n-1))
	return failed
}

// fits plans the memory of the options as they are now.
func (p *planner) fits() (ok bool, need int64, err error) {
	m, err := lower.Lower(p.Base.Graph, p.o)
	if err != nil {
		return false, 0, err
	}
	for class, n := range m.Program.Bytes() {
		if class != program.Host {
			need += n
		}
	}
	return p.budget == 0 || need <= p.budget, need, nil
}

func (p *planner) tooLarge(need int64) error {
	return fmt.Errorf("the run needs %s and may use %s: lower sequence_len (now %d) or micro_batch_size (now %d), set gradient_checkpointing = true, hold the base model in 4 bits (kind = \"qlora\"), or raise [device] memory",
		report.Bytes(need), report.Bytes(p.budget), p.Config.Data.SequenceLen, p.Config.Train.MicroBatchSize)
}
