package cpu

import (
	"errors"
	"fmt"
	"sync"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Executable is a program with its memory and its threads. Its methods may be
// called from several goroutines; they take turns.
type Executable struct {
	mu      sync.Mutex
	program *program.Program
	machine *machine // nil after Close
	blocks  [][]byte
	checks  []*program.InputChecks // by entry
}

// matrix is an operand with its place in memory; rows is 0 where it is absent.
type matrix struct {
	block      int
	offset     int64
	rows, cols int
	dtype      dtype.DType
}

// instr is an instruction with its operands resolved.
type instr struct {
	op      program.Op
	in, out []matrix
	attr    *program.Attr
}

func newExecutable(p *program.Program, b *Backend) (*Executable, error) {
	m, err := newMachine(b.threads, b.isa)
	if err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	x := &Executable{program: p, machine: m}
	for i, block := range p.Blocks {
		memory, err := m.alloc(block.Size)
		if err != nil {
			x.Close()
			return nil, fmt.Errorf("cpu: block %d of %d: %w", i, len(p.Blocks), err)
		}
		x.blocks = append(x.blocks, memory)
	}
	entries := make([][]instr, len(p.Entries))
	for i := range p.Entries {
		entries[i] = resolve(p, &p.Entries[i])
		x.checks = append(x.checks, p.InputChecks(&p.Entries[i]))
	}
	if err := m.compile(entries, x.blocks); err != nil {
		x.Close()
		return nil, fmt.Errorf("cpu: %w", err)
	}
	return x, nil
}

// copyOf is a load or a save as an instruction: the buffer's bytes as F32, whose copies
// are exact. Buffers begin and end on boundaries of program.Align.
func copyOf(p *program.Program, c program.Copy) instr {
	from, to := &p.Buffers[c.From], &p.Buffers[c.To]
	words := int((from.Bytes() + 3) / 4)
	at := func(b *program.Buffer) []matrix {
		return []matrix{{b.Place.Block, b.Place.Offset, 1, words, dtype.F32}}
	}
	return instr{program.OpCopy, at(from), at(to), &program.Attr{}}
}

// resolve flattens the calls of an entry into one list of instructions.
func resolve(p *program.Program, e *program.Entry) []instr {
	var list []instr
	for _, call := range e.Calls {
		for _, load := range call.Loads {
			list = append(list, copyOf(p, load))
		}
		seg := &p.Segments[call.Segment]
		place := func(operands []program.Operand) []matrix {
			all := make([]matrix, len(operands))
			for i, o := range operands {
				if !o.Given() {
					continue
				}
				slot, at := p.Locate(seg, call.Args, o)
				skip := int64(o.Row) * int64(slot.Cols) * int64(slot.DType.Size())
				all[i] = matrix{at.Block, at.Offset + skip, o.Rows, slot.Cols, slot.DType}
			}
			return all
		}
		for i := range seg.Instrs {
			in := &seg.Instrs[i]
			list = append(list, instr{in.Op, place(in.In), place(in.Out), call.Attr(in)})
		}
		for _, save := range call.Saves {
			list = append(list, copyOf(p, save))
		}
	}
	return list
}

// Write copies data to the buffer from byte offset on.
func (x *Executable) Write(b program.BufferID, offset int64, data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	to, err := x.part(b, offset, len(data))
	if err != nil {
		return fmt.Errorf("cpu: write: %w", err)
	}
	copy(to, data)
	return nil
}

// Read copies bytes of the buffer from offset on to data.
func (x *Executable) Read(b program.BufferID, offset int64, data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, err := x.part(b, offset, len(data))
	if err != nil {
		return fmt.Errorf("cpu: read: %w", err)
	}
	copy(data, from)
	return nil
}

var errClosed = errors.New("the program's memory was freed by Close")

func (x *Executable) part(id program.BufferID, offset int64, n int) ([]byte, error) {
	if x.machine == nil {
		return nil, errClosed
	}
	if id < 0 || int(id) >= len(x.program.Buffers) {
		return nil, fmt.Errorf("there is no buffer %d", id)
	}
	b := &x.program.Buffers[id]
	if offset < 0 || offset > b.Bytes() || int64(n) > b.Bytes()-offset {
		return nil, fmt.Errorf("%d bytes from byte %d on are not inside buffer %q, which has %d bytes", n, offset, b.Name, b.Bytes())
	}
	return x.blocks[b.Place.Block][b.Place.Offset+offset:][:n], nil
}

// Run runs an entry to its end.
func (x *Executable) Run(entry int, s *program.Scalars) error { return x.run(entry, s, nil) }

// Time runs an entry and returns the seconds that each of its instructions
// took, in the order of the entry's calls.
func (x *Executable) Time(entry int, s *program.Scalars) ([]backends.Timing, error) {
	all := backends.Timings(x.program, entry)
	seconds := make([]float64, len(all))
	if err := x.run(entry, s, seconds); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Seconds = seconds[i]
	}
	return all, nil
}

func (x *Executable) run(entry int, s *program.Scalars, seconds []float64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.machine == nil {
		return fmt.Errorf("cpu: run: %w", errClosed)
	}
	if entry < 0 || entry >= len(x.program.Entries) {
		return fmt.Errorf("cpu: run: there is no entry %d", entry)
	}
	memory := func(at program.Place, n int) []byte { return x.blocks[at.Block][at.Offset:][:n] }
	if err := x.checks[entry].Check(s, memory); err != nil {
		return fmt.Errorf("cpu: run of entry %d: %w", entry, err)
	}
	if err := x.machine.run(entry, s, seconds); err != nil {
		return fmt.Errorf("cpu: run of entry %d: %w", entry, err)
	}
	return nil
}

// Allocated is the size of the blocks: Compile asks for exactly what is planned.
func (x *Executable) Allocated() int64 {
	var sum int64
	for _, b := range x.blocks {
		sum += int64(len(b))
	}
	return sum
}

// Close ends the threads and frees the memory.
func (x *Executable) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.machine == nil {
		return nil
	}
	for _, b := range x.blocks {
		x.machine.free(b)
	}
	x.machine.close()
	x.machine, x.blocks = nil, nil
	return nil
}
