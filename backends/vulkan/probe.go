package vulkan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// probe runs all proofs of products in compute and compares them with what the processor makes of the same numbers:
// what a driver says that it can do is not yet what it does.
func (b *Backend) probe(compute dtype.DType) error {
	all := proofs(compute)
	e, results, err := b.runProofs(all)
	if err != nil {
		return err
	}
	defer e.Close()
	for i, p := range all {
		if err := p.check(e, results[i]); err != nil {
			return err
		}
	}
	return nil
}

// runProofs runs instructions in one program and returns the buffers of the results of each.
func (b *Backend) runProofs(all []*proof) (backends.Executable, [][]program.BufferID, error) {
	e, buffers, err := b.compileProofs(all)
	if err != nil {
		return nil, nil, err
	}
	results := make([][]program.BufferID, len(all))
	for i, p := range all {
		for n, o := range slices.Concat(p.in, p.out) {
			if err == nil && o != nil {
				err = o.write(e, buffers[i][n])
			}
		}
		results[i] = buffers[i][len(p.in):]
	}
	if err == nil {
		err = e.Run(0, &probeScalars)
	}
	if err != nil {
		return nil, nil, errors.Join(err, e.Close())
	}
	return e, results, nil
}

func (o *probeOperand) write(e backends.Executable, to program.BufferID) error {
	data, err := o.encode()
	if err != nil {
		return err
	}
	return e.Write(to, 0, data)
}

// compileProofs makes a program of all instructions, each with buffers of its own, whose numbers it returns in the order
// of in and out.
func (b *Backend) compileProofs(all []*proof) (backends.Executable, [][]program.BufferID, error) {
	p := &program.Program{Blocks: []program.Block{{Class: program.Arena}, {Class: program.Inputs}}}
	seg := program.Segment{Name: "probe"}
	var call program.Call
	operand := func(o *probeOperand) program.Operand {
		if o == nil {
			return program.Operand{Slot: program.None}
		}
		block := &p.Blocks[0]
		at := program.Place{Offset: block.Size}
		if o.ints != nil {
			block = &p.Blocks[1]
			at = program.Place{Block: 1, Offset: block.Size}
		}
		id := len(p.Buffers)
		buffer := program.Buffer{Name: fmt.Sprintf("operand %d", id), DType: o.dtype, Rows: o.rows, Cols: o.cols, Place: at}
		block.Size += (buffer.Bytes() + program.Align - 1) / program.Align * program.Align
		p.Buffers = append(p.Buffers, buffer)
		seg.Params = append(seg.Params, program.Slot{Name: buffer.Name, DType: o.dtype, Rows: o.rows, Cols: o.cols})
		call.Args = append(call.Args, program.BufferID(id))
		return program.Operand{Slot: id, Rows: o.rows}
	}
	var buffers [][]program.BufferID
	for _, x := range all {
		in := program.Instr{Op: x.op, Attr: x.attr}
		var ids []program.BufferID
		for _, o := range x.in {
			in.In = append(in.In, operand(o))
			ids = append(ids, program.BufferID(in.In[len(in.In)-1].Slot))
		}
		for _, o := range x.out {
			in.Out = append(in.Out, operand(o))
			ids = append(ids, program.BufferID(in.Out[len(in.Out)-1].Slot))
		}
		seg.Instrs = append(seg.Instrs, in)
		buffers = append(buffers, ids)
	}
	if p.Blocks[1].Size == 0 {
		p.Blocks = p.Blocks[:1]
	}
	p.Segments = []program.Segment{seg}
	p.Entries = []program.Entry{{Kind: program.Forward, Calls: []program.Call{call}}}
	e, err := b.Compile(p)
	return e, buffers, err
}

// encode is what a buffer holds.
func (o *probeOperand) encode() ([]byte, error) {
	if o.bytes != nil {
		return o.bytes, nil
	}
	if o.ints != nil {
		data := make([]byte, 0, 4*len(o.ints))
		for _, v := range o.ints {
			data = binary.LittleEndian.AppendUint32(data, uint32(v))
		}
		return data, nil
	}
	data := make([]byte, o.dtype.Bytes(o.rows, o.cols))
	return data, dtype.FromFloat32(data, o.v, o.dtype)
}

// wrong says which number a device makes of an instruction, and what it is on the processor.
type wrong struct {
	name      string
	row, col  int
	got, want float64
}

func (w *wrong) Error() string {
	return fmt.Sprintf("the device computes wrongly: element [%d, %d] of %s is %g, and %g on the processor; a newer driver may help", w.row, w.col, w.name, w.got, w.want)
}

// check compares the results in some buffers.
func (p *proof) check(e backends.Executable, results []program.BufferID) error {
	for n, o := range p.out {
		data := make([]byte, o.dtype.Bytes(o.rows, o.cols))
		if err := e.Read(results[n], 0, data); err != nil {
			return err
		}
		all := make([]float32, o.rows*o.cols)
		if err := dtype.ToFloat32(all, data, o.dtype); err != nil {
			return err
		}
		for r := 0; r < o.rows; r = next(r, p.step, o.rows) {
			want, size := p.want[n](r)
			for c := range want {
				got, want := float64(all[r*o.cols+c]), heldIn(o.dtype, want[c])
				if !within(got, want, p.bound, size[c]+math.Abs(want)) {
					return &wrong{p.name, r, c, got, want}
				}
			}
		}
	}
	return nil
}

// heldIn is a number as a type has it, rounded to the nearest.
func heldIn(t dtype.DType, v float64) float64 {
	switch t {
	case dtype.F16:
		return float64(dtype.F16ToFloat32(dtype.Float32ToF16(float32(v))))
	case dtype.BF16:
		return float64(dtype.BF16ToFloat32(dtype.Float32ToBF16(float32(v))))
	}
	return v
}

// next is the row that is looked at after r: the last one always is.
func next(r, step, rows int) int {
	if r < rows-1 {
		return min(r+step, rows-1)
	}
	return rows
}

// within says whether a sum of terms of some size together is what it must be. Infinite and no number are the same
// here, and an infinite size allows anything.
func within(got, want, bound, size float64) bool {
	switch {
	case math.IsInf(want, 0) || math.IsNaN(want):
		return math.IsInf(got, 0) || math.IsNaN(got)
	case math.IsInf(size, 1):
		return true
	}
	return math.Abs(got-want) <= bound*size
}
