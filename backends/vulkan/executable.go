package vulkan

import (
	"errors"
	"fmt"
	"sync"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
)

// Executable is a program with its memory on a device. Its methods may be
// called from several goroutines; they take turns.
type Executable struct {
	mu      sync.Mutex
	program *program.Program
	device  *device // nil after Close
	blocks  []*vk.Block
	// scalars, which begins with the run's scalars and goes on with the tables,
	// host, scratch and staging are the overhead beyond the plan.
	scalars, scratch *vk.Block
	host             *vk.Block // the scalars as the host writes them
	staging          *staging
	entries          [][]command
	checks           []*program.InputChecks // by entry
	integers         integers
	pace             pace
}

// command is a dispatch ready to be submitted.
type command struct {
	vk.Command
	cost float64
	// item is the place of its instruction or copy in what resolve gives, -1 for none.
	item int
	lane vk.Lane
	// number is its place in the list, need that of the command of the other lane
	// that it waits for, counted from 1; 0 is none.
	number, need int
}

func newExecutable(p *program.Program, d *device) (*Executable, error) {
	x := &Executable{program: p, device: d, pace: newPace(), integers: newIntegers(p)}
	if err := x.build(); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (x *Executable) build() error {
	// Lowered once without memory: for what is lacking, and the scratch size.
	l := &lowering{device: x.device}
	for i := range x.program.Entries {
		if _, err := l.entry(resolve(x.program, &x.program.Entries[i], make([]uint64, len(x.program.Blocks)))); err != nil {
			return err
		}
	}
	if err := x.allocate(l.scratchBytes); err != nil {
		return err
	}
	bases := make([]uint64, len(x.blocks))
	for i, b := range x.blocks {
		bases[i] = b.Address
	}
	l.scalars, l.tables = x.scalars.Address, x.scalars.Address+scalarBytes
	if x.scratch != nil {
		l.scratch = x.scratch.Address
	}
	for i := range x.program.Entries {
		list := resolve(x.program, &x.program.Entries[i], bases)
		x.checks = append(x.checks, x.program.InputChecks(&x.program.Entries[i]))
		work, err := l.entry(list)
		if err != nil {
			return err
		}
		commands, err := x.commands(work)
		if err != nil {
			return err
		}
		x.entries = append(x.entries, commands)
	}
	return nil
}

// allocate makes the plan's blocks, zeroed, and the overhead.
func (x *Executable) allocate(scratch int64) (err error) {
	if err := checkHostMemory(x.program); err != nil {
		return err
	}
	if x.staging, err = newStaging(x.device); err != nil {
		return err
	}
	if x.host, err = x.device.Alloc(scalarBytes, vk.ForHost); err != nil {
		return err
	}
	if x.scalars, err = x.device.Alloc(scalarBytes+tableBytes, vk.OnDevice); err != nil {
		return err
	}
	if err := x.staging.upload(x.scalars, scalarBytes, tables()); err != nil {
		return err
	}
	if scratch > 0 {
		if x.scratch, err = x.device.Alloc(scratch, vk.OnDevice); err != nil {
			return err
		}
	}
	var fills []vk.Command
	for i, b := range x.program.Blocks {
		where := vk.OnDevice
		if b.Class.OfHost() {
			where = vk.ForHost
		}
		block, err := x.device.Alloc(b.Size, where)
		if err != nil {
			return fmt.Errorf("block %d of %d: %w", i, len(x.program.Blocks), err)
		}
		x.blocks = append(x.blocks, block)
		fills = append(fills, vk.Fill(block, 0, b.Size/4*4))
	}
	when, err := x.device.Submit(fills)
	if err != nil {
		return err
	}
	return x.device.Wait(vk.Compute, when)
}

// commands makes the pipelines and what is submitted.
func (x *Executable) commands(all []work) ([]command, error) {
	if err := x.device.prepare(all); err != nil {
		return nil, err
	}
	// Kernels never read the host's memory, which is slow to reach.
	scalars := command{Command: vk.Copy(x.scalars, 0, x.host, 0, scalarBytes), item: -1}
	return arrange(all, scalars, x.commandsOf)
}

// arrange puts the commands of all items behind that which copies the run's scalars,
// with barriers and waits where they are needed.
func arrange(all []work, first command, commandsOf func(*work) ([]command, error)) ([]command, error) {
	list := []command{first}
	scalars := true // they are not there yet
	turns := schedule(all)
	last := make([]int, len(turns)) // the last command of each turn
	var lanes [2]hazards
	for n, t := range turns {
		w := &all[t.item]
		made, err := commandsOf(w)
		if err != nil {
			return nil, err
		}
		barrier := lanes[t.lane].needsBarrier(w)
		for j := range made {
			c := &made[j]
			c.item, c.lane, c.number = t.item, t.lane, len(list)+j
			if j > 0 {
				continue
			}
			if barrier || scalars && t.lane == vk.Compute {
				c.Barrier = 1
			}
			scalars = scalars && t.lane == vk.Transfer
			if t.need > 0 {
				c.need = last[t.need-1] + 1
			}
		}
		list = append(list, made...)
		last[n] = len(list) - 1
	}
	return list, nil
}

// commandsOf are those of an instruction or copy, without what it waits for.
func (x *Executable) commandsOf(w *work) ([]command, error) {
	if w.load != nil {
		return []command{{Command: x.loadCommand(w.load)}}, nil
	}
	list := make([]command, len(w.dispatches))
	for j := range w.dispatches {
		d := &w.dispatches[j]
		p, err := x.device.pipeline(d.shader, d.constants, d.wholeSubgroups)
		if err != nil {
			return nil, err
		}
		list[j] = command{Command: vk.Dispatch(p, d.push, d.groups), cost: d.cost}
		if d.after {
			list[j].Barrier = 1
		}
	}
	return list, nil
}

// loadCommand copies whole words: buffers begin and end on boundaries of program.Align.
func (x *Executable) loadCommand(l *load) vk.Command {
	n := (l.from.end - l.from.begin + 3) / 4 * 4
	return vk.Copy(x.blocks[l.to.block], l.to.begin, x.blocks[l.from.block], l.from.begin, n)
}

var errClosed = errors.New("the program's memory was freed by Close")

// part checks a transfer and returns the block and the first byte in it.
func (x *Executable) part(id program.BufferID, offset int64, n int) (*vk.Block, int64, error) {
	if x.device == nil {
		return nil, 0, errClosed
	}
	if id < 0 || int(id) >= len(x.program.Buffers) {
		return nil, 0, fmt.Errorf("there is no buffer %d", id)
	}
	b := &x.program.Buffers[id]
	if offset < 0 || offset > b.Bytes() || int64(n) > b.Bytes()-offset {
		return nil, 0, fmt.Errorf("%d bytes from byte %d on are not inside buffer %q, which has %d bytes", n, offset, b.Name, b.Bytes())
	}
	return x.blocks[b.Place.Block], b.Place.Offset + offset, nil
}

// Write copies data to the buffer from byte offset on.
func (x *Executable) Write(b program.BufferID, offset int64, data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	to, at, err := x.part(b, offset, len(data))
	if err == nil {
		err = x.staging.upload(to, at, data)
	}
	if err != nil {
		return fmt.Errorf("vulkan: write: %w", fate(err))
	}
	x.integers.write(&x.program.Buffers[b], offset, data)
	return nil
}

// Read copies bytes of the buffer from offset on to data.
func (x *Executable) Read(b program.BufferID, offset int64, data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, at, err := x.part(b, offset, len(data))
	if err == nil {
		err = x.staging.download(from, at, data)
	}
	if err != nil {
		return fmt.Errorf("vulkan: read: %w", fate(err))
	}
	return nil
}

// Run runs an entry to its end.
func (x *Executable) Run(entry int, s *program.Scalars) error {
	return x.run(entry, s, x.submit)
}

// run submits an entry's commands in the way that submit has.
func (x *Executable) run(entry int, s *program.Scalars, submit func([]command) error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.device == nil {
		return fmt.Errorf("vulkan: run: %w", errClosed)
	}
	if entry < 0 || entry >= len(x.entries) {
		return fmt.Errorf("vulkan: run: there is no entry %d", entry)
	}
	if err := x.checks[entry].Check(s, x.integers.bytes); err != nil {
		return fmt.Errorf("vulkan: run of entry %d: %w", entry, err)
	}
	putScalars(x.host.Mapped, s)
	if err := submit(x.entries[entry]); err != nil {
		return fmt.Errorf("vulkan: run of entry %d: %w", entry, fate(err))
	}
	return nil
}

// Allocated is the size of the blocks: Compile asks for exactly what is planned.
func (x *Executable) Allocated() int64 {
	var sum int64
	for _, b := range x.blocks {
		sum += b.Size
	}
	return sum
}

// Close frees the memory.
func (x *Executable) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.device == nil {
		return nil
	}
	x.device.Idle() // an error may have left submissions behind
	for _, b := range append(x.blocks, x.host, x.scalars, x.scratch) {
		if b != nil {
			x.device.Free(b)
		}
	}
	if x.staging != nil {
		x.staging.close()
	}
	x.device, x.blocks = nil, nil
	return nil
}
