package backendtest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Builder makes a program of one segment and one entry (number 0). A parameter
// is a matrix with a buffer of its own, which the entry's only call binds: its
// Operand's Slot is also its BufferID.
type Builder struct {
	// BlockSize is the size from which on a new block is begun; 0 puts every
	// parameter into a block of its own.
	BlockSize int64

	blocks  []program.Block
	buffers []program.Buffer
	locals  []program.Slot
	instrs  []program.Instr
}

// localSlot marks slots of locals until the number of parameters is known.
const localSlot = 1 << 20

// None is an operand left out.
var None = program.Operand{Slot: program.None}

// Param adds a matrix that the host can write and read.
func (b *Builder) Param(name string, t dtype.DType, rows, cols int) program.Operand {
	x := program.Buffer{Name: name, DType: t, Rows: rows, Cols: cols}
	x.Place = b.place(x.Bytes())
	b.buffers = append(b.buffers, x)
	return program.Operand{Slot: len(b.buffers) - 1, Rows: rows}
}

// Local adds a matrix of F32 that only instructions see.
func (b *Builder) Local(name string, rows, cols int) program.Operand {
	at := b.place(int64(rows) * int64(cols) * 4)
	b.locals = append(b.locals, program.Slot{Name: name, DType: dtype.F32, Rows: rows, Cols: cols, Place: at})
	return program.Operand{Slot: localSlot + len(b.locals) - 1, Rows: rows}
}

// LocalOver adds a local in the place of another, which must be at least as
// large.
func (b *Builder) LocalOver(other program.Operand, name string, rows, cols int) program.Operand {
	at := b.locals[other.Slot-localSlot].Place
	b.locals = append(b.locals, program.Slot{Name: name, DType: dtype.F32, Rows: rows, Cols: cols, Place: at})
	return program.Operand{Slot: localSlot + len(b.locals) - 1, Rows: rows}
}

// place takes the next bytes of the last block, or begins a block.
func (b *Builder) place(bytes int64) program.Place {
	bytes = (bytes + program.Align - 1) / program.Align * program.Align
	last := len(b.blocks) - 1
	if last < 0 || b.blocks[last].Size+bytes > b.BlockSize {
		b.blocks = append(b.blocks, program.Block{Class: program.Arena})
		last++
	}
	at := program.Place{Block: last, Offset: b.blocks[last].Size}
	b.blocks[last].Size += bytes
	return at
}

// Emit adds an instruction.
func (b *Builder) Emit(op program.Op, attr program.Attr, in []program.Operand, out ...program.Operand) {
	b.instrs = append(b.instrs, program.Instr{Op: op, In: in, Out: out, Attr: attr})
}

// Program is what was built; its entry 0 runs all instructions.
func (b *Builder) Program() *program.Program {
	p := &program.Program{Blocks: b.blocks, Buffers: b.buffers}
	seg := program.Segment{Name: "test", Locals: b.locals}
	var args []program.BufferID
	for i, x := range b.buffers {
		seg.Params = append(seg.Params, program.Slot{Name: x.Name, DType: x.DType, Rows: x.Rows, Cols: x.Cols})
		args = append(args, program.BufferID(i))
	}
	resolve := func(list []program.Operand) []program.Operand {
		out := append([]program.Operand(nil), list...)
		for i := range out {
			if out[i].Slot >= localSlot {
				out[i].Slot += len(b.buffers) - localSlot
			}
		}
		return out
	}
	for _, in := range b.instrs {
		in.In, in.Out = resolve(in.In), resolve(in.Out)
		seg.Instrs = append(seg.Instrs, in)
	}
	p.Segments = []program.Segment{seg}
	p.Entries = []program.Entry{{Kind: program.Forward, Calls: []program.Call{{Args: args}}}}
	return p
}

// Rows narrows an operand to n rows from row on.
func Rows(o program.Operand, row, n int) program.Operand {
	return program.Operand{Slot: o.Slot, Row: o.Row + row, Rows: n}
}

// In lists the inputs of an instruction.
func In(o ...program.Operand) []program.Operand { return o }

// Source gives the same random inputs in every run.
type Source struct{ *rand.Rand }

// NewSource returns the source of a seed.
func NewSource(seed uint64) Source { return Source{rand.New(rand.NewPCG(seed, 1))} }

// Normal is n values of the normal distribution times scale.
func (s Source) Normal(n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * s.NormFloat64())
	}
	return x
}

// WriteFloats fills a buffer from its beginning.
func WriteFloats(e backends.Executable, o program.Operand, x []float32) error {
	data := make([]byte, 0, 4*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return e.Write(program.BufferID(o.Slot), 0, data)
}

// WriteInts fills a buffer from its beginning.
func WriteInts(e backends.Executable, o program.Operand, x []int32) error {
	data := make([]byte, 0, 4*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return e.Write(program.BufferID(o.Slot), 0, data)
}

// ReadFloats fills x from a buffer's beginning.
func ReadFloats(e backends.Executable, o program.Operand, x []float32) error {
	data := make([]byte, 4*len(x))
	if err := e.Read(program.BufferID(o.Slot), 0, data); err != nil {
		return err
	}
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return nil
}

// ReadInts fills x from a buffer's beginning.
func ReadInts(e backends.Executable, o program.Operand, x []int32) error {
	data := make([]byte, 4*len(x))
	if err := e.Read(program.BufferID(o.Slot), 0, data); err != nil {
		return err
	}
	for i := range x {
		x[i] = int32(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return nil
}
