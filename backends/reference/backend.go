package reference

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Float is the type of an element in memory.
type Float interface{ float32 | float64 }

// Backend runs programs in plain Go.
type Backend[F Float] struct{}

// New returns the reference with memory in F.
func New[F Float]() *Backend[F] { return &Backend[F]{} }

// Describe names the backend "reference".
func (*Backend[F]) Describe() backends.Device {
	return backends.Device{
		Name:     "reference",
		Detail:   fmt.Sprintf("plain Go, one thread, memory in %T, arithmetic in float64", F(0)),
		Stores:   []dtype.DType{dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double},
		Computes: []dtype.DType{dtype.BF16, dtype.F16},

		Activations: []dtype.DType{dtype.BF16, dtype.F16}, NarrowLinears: true,
	}
}

// Compile is Load behind the interface.
func (b *Backend[F]) Compile(p *program.Program) (backends.Executable, error) { return b.Load(p) }

// Load checks the program and allocates its blocks, all zero.
func (b *Backend[F]) Load(p *program.Program) (*Executable[F], error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	if err := b.Describe().CheckTypes(p); err != nil {
		return nil, err
	}
	e := &Executable[F]{program: p}
	for i := range p.Entries {
		e.checks = append(e.checks, p.InputChecks(&p.Entries[i]))
	}
	for _, b := range p.Blocks {
		e.floats = append(e.floats, make([]F, (b.Size+3)/4))
		e.ints = append(e.ints, make([]int32, (b.Size+3)/4))
	}
	e.allocatePacked()
	return e, nil
}

// Executable is a program with its memory. A block is a slice of elements, four
// bytes of the plan each whatever F is; I32 buffers live in a second slice
// beside it, so an I32 and an F32 buffer at one place do not disturb each other.
// Matrices of other types are in packed.
type Executable[F Float] struct {
	program *program.Program
	floats  [][]F
	ints    [][]int32
	packed  map[program.Place][]byte
	checks  []*program.InputChecks // by entry
}

// Values is the memory of an F32 buffer, row by row.
func (e *Executable[F]) Values(id program.BufferID) []F {
	b := e.program.Buffers[id]
	return e.floats[b.Place.Block][b.Place.Offset/4:][:b.Rows*b.Cols]
}

func (e *Executable[F]) integers(id program.BufferID) []int32 {
	b := e.program.Buffers[id]
	return e.ints[b.Place.Block][b.Place.Offset/4:][:b.Rows*b.Cols]
}

// Write copies little-endian elements to the buffer.
func (e *Executable[F]) Write(id program.BufferID, offset int64, data []byte) error {
	first, to, err := e.reach(id, offset, len(data))
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if to != nil {
		copy(to, data)
		return nil
	}
	isInt := e.program.Buffers[id].DType == dtype.I32
	for i := range len(data) / 4 {
		bits := binary.LittleEndian.Uint32(data[4*i:])
		if isInt {
			e.integers(id)[first+i] = int32(bits)
		} else {
			e.Values(id)[first+i] = F(math.Float32frombits(bits))
		}
	}
	return nil
}

// Read copies elements back, rounded to float32.
func (e *Executable[F]) Read(id program.BufferID, offset int64, data []byte) error {
	first, from, err := e.reach(id, offset, len(data))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if from != nil {
		copy(data, from)
		return nil
	}
	isInt := e.program.Buffers[id].DType == dtype.I32
	for i := range len(data) / 4 {
		var bits uint32
		if isInt {
			bits = uint32(e.integers(id)[first+i])
		} else {
			bits = math.Float32bits(float32(e.Values(id)[first+i]))
		}
		binary.LittleEndian.PutUint32(data[4*i:], bits)
	}
	return nil
}

// reach checks a transfer and returns its first element, or its bytes in a
// packed buffer.
func (e *Executable[F]) reach(id program.BufferID, offset int64, bytes int) (int, []byte, error) {
	if id < 0 || int(id) >= len(e.program.Buffers) {
		return 0, nil, fmt.Errorf("there is no buffer %d", id)
	}
	b := e.program.Buffers[id]
	if packed(b.DType) {
		part, err := e.part(b, offset, bytes)
		return 0, part, err
	}
	if offset < 0 || offset%4 != 0 || bytes%4 != 0 || int64(bytes) > b.Bytes()-offset {
		return 0, nil, fmt.Errorf("%d bytes from byte %d on are not elements of buffer %q, which has %d bytes", bytes, offset, b.Name, b.Bytes())
	}
	return int(offset / 4), nil, nil
}

// Allocated is the size of the blocks as planned: four bytes an element,
// though F may take eight.
func (e *Executable[F]) Allocated() int64 {
	var sum int64
	for _, b := range e.program.Blocks {
		sum += b.Size
	}
	return sum
}

// Close forgets the memory.
func (e *Executable[F]) Close() error {
	e.floats, e.ints, e.packed = nil, nil, nil
	return nil
}

// Run runs the entry's calls in order.
func (e *Executable[F]) Run(entry int, s *program.Scalars) error {
	if entry < 0 || entry >= len(e.program.Entries) {
		return fmt.Errorf("run: there is no entry %d", entry)
	}
	if err := e.checks[entry].Check(s, e.words); err != nil {
		return fmt.Errorf("run of entry %d: %w", entry, err)
	}
	for _, call := range e.program.Entries[entry].Calls {
		for _, load := range call.Loads {
			e.copy(load)
		}
		seg := &e.program.Segments[call.Segment]
		for n := range seg.Instrs {
			in := &seg.Instrs[n]
			t := &step[F]{Attr: call.Attr(in), s: s}
			err := e.operands(t, seg, call.Args, in)
			if err == nil {
				err = run(in.Op, t)
			}
			if err == nil {
				err = e.store(t, seg, call.Args, in)
			}
			if err != nil {
				return fmt.Errorf("segment %q, instruction %d (%s): %w", seg.Name, n, in.Op, err)
			}
		}
		for _, save := range call.Saves {
			e.copy(save)
		}
	}
	return nil
}

// words are n bytes of the integers at a place.
func (e *Executable[F]) words(at program.Place, n int) []byte {
	var all []byte
	for _, v := range e.ints[at.Block][at.Offset/4:][:n/4] {
		all = binary.LittleEndian.AppendUint32(all, uint32(v))
	}
	return all
}

// copy is a load or a save.
func (e *Executable[F]) copy(c program.Copy) {
	from, to := e.program.Buffers[c.From], e.program.Buffers[c.To]
	if packed(from.DType) {
		copy(e.packed[to.Place][:to.Bytes()], e.packed[from.Place])
		return
	}
	copy(e.Values(c.To), e.Values(c.From))
}

// operands resolves an instruction's operands.
func (e *Executable[F]) operands(t *step[F], seg *program.Segment, args []program.BufferID, in *program.Instr) error {
	for _, o := range in.In {
		m, err := e.matrix(seg, args, o)
		if err != nil {
			return err
		}
		t.in = append(t.in, m)
	}
	for _, o := range in.Out {
		m, err := e.matrix(seg, args, o)
		if err != nil {
			return err
		}
		t.out = append(t.out, m)
	}
	return nil
}

// matrix resolves an operand to memory, or to a copy of packed memory.
func (e *Executable[F]) matrix(seg *program.Segment, args []program.BufferID, o program.Operand) (matrix[F], error) {
	if !o.Given() {
		return matrix[F]{}, nil
	}
	slot, at := e.program.Locate(seg, args, o)
	m := matrix[F]{rows: o.Rows, cols: slot.Cols}
	if packed(slot.DType) {
		var err error
		m.data, err = e.unpack(slot, at, o)
		return m, err
	}
	first := int(at.Offset/4) + o.Row*slot.Cols
	n := o.Rows * slot.Cols
	m.data, m.ints = e.floats[at.Block][first:][:n], e.ints[at.Block][first:][:n]
	return m, nil
}
