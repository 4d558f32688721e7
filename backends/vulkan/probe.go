package vulkan

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// probe runs a small product in compute and compares it with the processor's:
// what a driver says that it can do is not yet what it does. Factors too large for
// float16 must become infinite, which is how loss scaling learns of them.
func (b *Backend) probe(compute dtype.DType) error {
	const rows, inputs, outputs = 37, 70, 41
	x, w := probeValues(rows*inputs, 1), probeValues(outputs*inputs, 2)
	e, err := b.Compile(probeProgram(rows, inputs, outputs, compute))
	if err != nil {
		return err
	}
	defer e.Close()
	bound := map[dtype.DType]float64{dtype.F32: 1e-5, dtype.F16: 1e-3, dtype.BF16: 8e-3}[compute]
	y := make([]byte, 4*rows*outputs)
	product := func() error {
		for _, step := range []func() error{
			func() error { return e.Write(0, 0, floatBytes(x)) },
			func() error { return e.Write(1, 0, floatBytes(w)) },
			func() error { return e.Run(0, &program.Scalars{}) },
			func() error { return e.Read(2, 0, y) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := product(); err != nil {
		return err
	}
	if err := wrongProduct(x, w, y, inputs, bound); err != nil || compute != dtype.F16 {
		return err
	}
	x[0] = 1e5
	if err := product(); err != nil {
		return err
	}
	if got := float32At(y, 0); !math.IsInf(got, 0) && !math.IsNaN(got) {
		return fmt.Errorf("the device computes wrongly: a factor of %g, beyond float16, gives %g and not infinity; a newer driver may help", x[0], got)
	}
	return nil
}

// wrongProduct tells of an element of y = x·wᵀ, float32, that is further from the processor's than
// bound times the sum of its terms' magnitudes; nil if there is none.
func wrongProduct(x, w []float32, y []byte, inputs int, bound float64) error {
	rows, outputs := len(x)/inputs, len(w)/inputs
	for r := range rows {
		for o := range outputs {
			var want, size float64
			for i := range inputs {
				v := float64(x[r*inputs+i]) * float64(w[o*inputs+i])
				want, size = want+v, size+math.Abs(v)
			}
			if got := float32At(y, r*outputs+o); !(math.Abs(got-want) <= bound*size) {
				return fmt.Errorf("the device computes wrongly: element [%d, %d] of a product is %g, and %g on the processor; a newer driver may help", r, o, got, want)
			}
		}
	}
	return nil
}

func float32At(b []byte, i int) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
}

// probeValues are n numbers between -1 and 1 in no pattern.
func probeValues(n int, seed uint32) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(program.Keep(seed, uint32(i)))/(1<<31) - 1
	}
	return list
}

func floatBytes(x []float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// probeProgram is y = x·wᵀ with x, w and y as buffers 0, 1 and 2.
func probeProgram(rows, inputs, outputs int, compute dtype.DType) *program.Program {
	p := &program.Program{}
	var seg program.Segment
	var call program.Call
	for i, s := range [][2]int{{rows, inputs}, {outputs, inputs}, {rows, outputs}} {
		b := program.Buffer{Name: "xwy"[i : i+1], DType: dtype.F32, Rows: s[0], Cols: s[1], Place: program.Place{Block: i}}
		size := (b.Bytes() + program.Align - 1) / program.Align * program.Align
		p.Blocks = append(p.Blocks, program.Block{Class: program.Arena, Size: size})
		p.Buffers = append(p.Buffers, b)
		seg.Params = append(seg.Params, program.Slot{Name: b.Name, DType: b.DType, Rows: b.Rows, Cols: b.Cols})
		call.Args = append(call.Args, program.BufferID(i))
	}
	none := program.Operand{Slot: program.None}
	seg.Instrs = []program.Instr{{
		Op: program.OpLinear, Attr: program.Attr{Scale: 1, Compute: compute},
		In:  []program.Operand{{Slot: 0, Rows: rows}, {Slot: 1, Rows: outputs}, none, none, none, none},
		Out: []program.Operand{{Slot: 2, Rows: rows}},
	}}
	p.Segments = []program.Segment{seg}
	p.Entries = []program.Entry{{Kind: program.Forward, Calls: []program.Call{call}}}
	return p
}
