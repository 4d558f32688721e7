package backendtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Operand is a matrix of a one-instruction program: rows of a buffer that may
// have more rows before and after.
type Operand struct {
	Rows, Cols int
	// Floats or Ints are the rows' content. An output without content begins as
	// NaN: the instruction must replace it.
	Floats []float32
	Ints   []int32 // of an output: four codes of 8 bits each
	// DType is how the buffer holds Floats; 0 is F32.
	DType dtype.DType
	// Before and After are the rows of the buffer around these; inputs hold NaN
	// there, and an instruction must leave those of outputs alone.
	Before, After int
	// InPlace makes an output the very same rows as an input, counted from 1.
	InPlace int
}

// Absent says that the operand is left out.
func (o Operand) Absent() bool { return o.Rows == 0 }

// Case is one instruction with everything that it reads.
type Case struct {
	Name    string
	Op      program.Op
	Attr    program.Attr
	In, Out []Operand
	Scalars program.Scalars
}

// outside is what surrounds the rows of an I32 operand.
const outside = math.MinInt32

// Program is the case's program and the operands of its instruction.
func (c *Case) Program() (*program.Program, []program.Operand, []program.Operand) {
	b := &Builder{}
	param := func(name string, i int, o Operand) program.Operand {
		if o.Absent() {
			return None
		}
		t := dtype.F32
		if o.Ints != nil {
			t = dtype.I32
		} else if o.DType != dtype.Invalid {
			t = o.DType
		}
		whole := b.Param(fmt.Sprintf("%s%d", name, i), t, o.Before+o.Rows+o.After, o.Cols)
		return Rows(whole, o.Before, o.Rows)
	}
	var in, out []program.Operand
	for i, o := range c.In {
		in = append(in, param("in", i, o))
	}
	for i, o := range c.Out {
		if o.InPlace > 0 {
			out = append(out, in[o.InPlace-1])
			continue
		}
		out = append(out, param("out", i, o))
	}
	b.Emit(c.Op, c.Attr, in, out...)
	return b.Program(), in, out
}

func (c *Case) program() *program.Program {
	p, _, _ := c.Program()
	return p
}

// fill writes all operands, surroundings included.
func (c *Case) fill(e backends.Executable, in, out []program.Operand) error {
	for i, o := range c.In {
		if err := o.write(e, in[i]); err != nil {
			return err
		}
	}
	for i, o := range c.Out {
		if o.InPlace > 0 {
			continue
		}
		if err := o.write(e, out[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o Operand) write(e backends.Executable, to program.Operand) error {
	if o.Absent() {
		return nil
	}
	n := (o.Before + o.Rows + o.After) * o.Cols
	if o.Ints != nil {
		all := make([]int32, n)
		for i := range all {
			all[i] = outside
		}
		copy(all[o.Before*o.Cols:], o.Ints)
		return WriteInts(e, to, all)
	}
	all := make([]float32, n)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	copy(all[o.Before*o.Cols:], o.Floats)
	if o.DType == dtype.Invalid {
		return WriteFloats(e, to, all)
	}
	data, err := encode(all, o.DType)
	if err != nil {
		return err
	}
	return e.Write(program.BufferID(to.Slot), 0, data)
}

// read fills all with what the operand's buffer holds.
func (o Operand) read(e backends.Executable, from program.Operand, all []float32) error {
	if o.DType == dtype.Invalid {
		return ReadFloats(e, from, all)
	}
	data := make([]byte, o.DType.Bytes(1, len(all)))
	if err := e.Read(program.BufferID(from.Slot), 0, data); err != nil {
		return err
	}
	return dtype.ToFloat32(all, data, o.DType)
}

func encode(values []float32, d dtype.DType) ([]byte, error) {
	data := make([]byte, d.Bytes(1, len(values)))
	return data, dtype.FromFloat32(data, values, d)
}

// values are what the instruction sees of Floats. It panics where this suite
// itself made an impossible case.
func (o Operand) values() []float32 {
	values := slices.Clone(o.Floats)
	if o.DType == dtype.Invalid {
		return values
	}
	data, err := encode(values, o.DType)
	if err == nil {
		err = dtype.ToFloat32(values, data, o.DType)
	}
	if err != nil {
		panic(fmt.Sprintf("backendtest: %v", err))
	}
	return values
}

// storage is the operand whose buffer holds output i.
func (c *Case) storage(i int) Operand {
	if n := c.Out[i].InPlace; n > 0 {
		return c.In[n-1]
	}
	return c.Out[i]
}

// Execute compiles and runs the case twice and returns the outputs' rows. It
// fails where the runs differ or something around the rows changed.
func (c *Case) Execute(t *testing.T, backend backends.Backend) [][]float32 {
	t.Helper()
	p, in, out := c.Program()
	e, err := backend.Compile(p)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	defer e.Close()
	first := c.once(t, e, in, out)
	for i, again := range c.once(t, e, in, out) {
		if n := firstDifference(first[i], again); n >= 0 {
			t.Fatalf("output %d, element %d: %v, and %v when run again", i, n, first[i][n], again[n])
		}
	}
	return first
}

func (c *Case) once(t *testing.T, e backends.Executable, in, out []program.Operand) [][]float32 {
	t.Helper()
	if err := c.fill(e, in, out); err != nil {
		t.Fatal(err)
	}
	scalars := c.Scalars
	if err := e.Run(0, &scalars); err != nil {
		t.Fatalf("run: %v", err)
	}
	var results [][]float32
	for i := range out {
		o := c.storage(i)
		if o.Ints != nil {
			words := make([]int32, o.Rows*o.Cols)
			if err := ReadInts(e, out[i], words); err != nil {
				t.Fatal(err)
			}
			results = append(results, float32s(codesOf(words)))
			continue
		}
		all := make([]float32, (o.Before+o.Rows+o.After)*o.Cols)
		if err := o.read(e, out[i], all); err != nil {
			t.Fatal(err)
		}
		begin, end := o.Before*o.Cols, (o.Before+o.Rows)*o.Cols
		for n, v := range all {
			if (n < begin || n >= end) && v == v {
				t.Fatalf("output %d: wrote %v at row %d, outside rows %d to %d", i, v, n/o.Cols, o.Before, o.Before+o.Rows-1)
			}
		}
		results = append(results, all[begin:end])
	}
	return results
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// firstDifference is the first element whose bits differ, or -1.
func firstDifference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// want runs the case on the reference in float64.
func (c *Case) want(t *testing.T) [][]float64 {
	t.Helper()
	results, err := c.exact()
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func (c *Case) exact() ([][]float64, error) {
	p, in, out := c.Program()
	e, err := reference.New[float64]().Load(p)
	if err != nil {
		return nil, err
	}
	if err := c.fill(e, in, out); err != nil {
		return nil, err
	}
	scalars := c.Scalars
	if err := e.Run(0, &scalars); err != nil {
		return nil, err
	}
	var results [][]float64
	for i := range out {
		o := c.storage(i)
		if o.Ints != nil {
			words := make([]int32, o.Rows*o.Cols)
			if err := ReadInts(e, out[i], words); err != nil {
				return nil, err
			}
			results = append(results, codesOf(words))
			continue
		}
		all := e.Values(program.BufferID(out[i].Slot))
		results = append(results, all[o.Before*o.Cols:][:o.Rows*o.Cols])
	}
	return results, nil
}

// reference is output i as an input of another case. It panics where this
// suite itself made an impossible case.
func (c *Case) reference(i int) Operand {
	results, err := c.exact()
	if err != nil {
		panic(fmt.Sprintf("backendtest: case of %s: %v", c.Op, err))
	}
	o := fresh(c.Out[i].Rows, c.Out[i].Cols)
	for _, v := range results[i] {
		o.Floats = append(o.Floats, float32(v))
	}
	return o
}

// magnitudes is the reference's result on the absolute values of all operands:
// |A|·|B| of an instruction that only adds products.
func (c *Case) magnitudes(t *testing.T) [][]float64 {
	t.Helper()
	positive := *c
	positive.In, positive.Out = absolute(c.In), absolute(c.Out)
	positive.Attr.Scale = float32(math.Abs(float64(c.Attr.Scale)))
	return positive.want(t)
}

func absolute(list []Operand) []Operand {
	out := append([]Operand(nil), list...)
	for i, o := range out {
		out[i].Floats, out[i].DType = o.values(), dtype.Invalid
		for n, v := range out[i].Floats {
			out[i].Floats[n] = float32(math.Abs(float64(v)))
		}
	}
	return out
}
