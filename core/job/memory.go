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
// again; on a device with memory of its own, let what does not fit there wait in
// the host's memory, and of the ways to do so take the one that copies the
// fewest bytes a step.
type planner struct {
	*Job
	budget int64 // 0 is no limit
	o      lower.Options
	plans  map[[4]int]plan // of what was tried, by Keep, Stream, Park and Micros
}

// fit completes the options; an error says what would fit.
func (j *Job) fit(o lower.Options) (lower.Options, error) {
	device := j.Device.Describe()
	o.MaxBlock, o.MaxBuffer = device.MaxBlockBytes, device.MaxBufferBytes
	p := &planner{Job: j, budget: j.Config.Device.Memory.Bytes, o: o, plans: map[[4]int]plan{}}
	if j.Config.Device.Memory.Auto {
		p.budget = device.MemoryBytes * 3 / 4
	}
	asked := j.Config.Device.GradientCheckpointing
	if asked != config.On {
		p.o.Keep = lower.KeepAll
		if ok, got, err := p.fits(); err != nil || ok || asked == config.Off {
			if err == nil && !ok {
				err = p.tooLarge(got.need)
			}
			return p.o, err
		}
	}
	p.o.Keep = 0
	ok, got, err := p.fits()
	switch {
	case err != nil:
		return p.o, err
	case ok && asked == config.On:
		return p.o, nil
	case ok:
		err = p.most(&p.o.Keep)
		return p.o, err
	case device.Streams:
		return p.copying(got.need)
	}
	return p.o, p.tooLarge(got.need)
}

// copying lets inputs of blocks, weights of blocks, or both wait in the host's
// memory: as few as need to. Weights come once for each micro batch or, in
// layer-major order, once a step, which takes more memory for activations.
func (p *planner) copying(resident int64) (lower.Options, error) {
	blocks, start := len(p.Base.Graph.Blocks), p.o
	var best *lower.Options
	var fewest int64
	least := resident
	// try takes back as much as it can of what change did to each option in turn.
	try := func(change func(), options ...*int) error {
		p.o = start
		change()
		ok, got, err := p.fits()
		least = min(least, got.need)
		if err != nil || !ok {
			return err
		}
		for _, option := range options {
			all := *option
			if err := p.search(all+1, func(n int) { *option = all - n }); err != nil {
				return err
			}
		}
		_, got, err = p.fits()
		if err == nil && (best == nil || got.copied < fewest) {
			o := p.o
			best, fewest = &o, got.copied
		}
		return err
	}
	parkAll := func() { p.o.Park = blocks - 1 }
	err := try(parkAll, &p.o.Park)
	micros := []int{1}
	if n := p.Config.Train.GradientAccumulationSteps; n > 1 {
		micros = append(micros, n)
	}
	for _, n := range micros {
		if err != nil || start.Full {
			break
		}
		stream := func() { p.o.Stream, p.o.Micros = blocks, n }
		if err = try(stream, &p.o.Stream); err == nil {
			err = try(func() { stream(); parkAll() }, &p.o.Stream, &p.o.Park)
		}
	}
	if err == nil && best == nil {
		return start, p.tooLarge(least)
	}
	if err != nil {
		return start, err
	}
	return *best, nil
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

// plan is what a choice of options comes to: the device's memory, and the bytes
// that a step copies.
type plan struct{ need, copied int64 }

// fits plans the memory of the options as they are now.
func (p *planner) fits() (bool, plan, error) {
	key := [...]int{p.o.Keep, p.o.Stream, p.o.Park, p.o.Micros}
	got, ok := p.plans[key]
	if !ok {
		m, err := lower.Lower(p.Base.Graph, p.o)
		if err != nil {
			return false, plan{}, fmt.Errorf("%w: [device] backend = \"cpu\" has no such limit, and a shorter sequence_len or a smaller micro_batch_size makes activations smaller", err)
		}
		got = plan{m.Program.OnDevice(), p.copiedBytes(m)}
		p.plans[key] = got
	}
	return p.budget == 0 || got.need <= p.budget, got, nil
}

// copiedBytes is what a step of full micro batches copies between the host's
// memory and the device.
func (j *Job) copiedBytes(m *lower.Model) int64 {
	var most, window int64
	for i := range m.Program.Entries {
		e := &m.Program.Entries[i]
		if e.Kind != program.Step {
			continue
		}
		n := m.Program.Copied(e)
		if e.Micros > 1 {
			window = max(window, n)
		} else {
			most = max(most, n)
		}
	}
	if window > 0 {
		return window
	}
	return most * int64(max(1, j.Config.Train.GradientAccumulationSteps))
}

func (p *planner) tooLarge(need int64) error {
	return fmt.Errorf("the run needs %s and may use %s: lower sequence_len (now %d) or micro_batch_size (now %d), set gradient_checkpointing = true, hold the base model in 4 bits (kind = \"qlora\"), or raise [device] memory",
		report.Bytes(need), report.Bytes(p.budget), p.Config.Data.SequenceLen, p.Config.Train.MicroBatchSize)
}
