package reference

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// packed says whether a buffer of this type is kept as its bytes.
func packed(d dtype.DType) bool { return d != dtype.F32 && d != dtype.I32 }

// allocatePacked gives every packed buffer and local its bytes. They are apart from
// the blocks of elements, as the integers are.
func (e *Executable[F]) allocatePacked() {
	e.packed = map[program.Place][]byte{}
	add := func(t dtype.DType, rows, cols int, at program.Place) {
		if n := t.Bytes(rows, cols); packed(t) && int64(len(e.packed[at])) < n {
			e.packed[at] = make([]byte, n)
		}
	}
	for _, b := range e.program.Buffers {
		add(b.DType, b.Rows, b.Cols, b.Place)
	}
	for _, s := range e.program.Segments {
		for _, x := range s.Locals {
			add(x.DType, x.Rows, x.Cols, x.Place)
		}
	}
}

// part is the bytes of a packed buffer that a transfer means.
func (e *Executable[F]) part(b program.Buffer, offset int64, n int) ([]byte, error) {
	if offset < 0 || int64(n) > b.Bytes()-offset {
		return nil, fmt.Errorf("%d bytes from byte %d on are not in buffer %q, which has %d bytes", n, offset, b.Name, b.Bytes())
	}
	return e.packed[b.Place][offset:][:n], nil
}

// bytes are the rows of a packed slot that an operand names.
func (e *Executable[F]) bytes(slot program.Slot, at program.Place, o program.Operand) []byte {
	return e.packed[at][slot.DType.Bytes(o.Row, slot.Cols):slot.DType.Bytes(o.Row+o.Rows, slot.Cols)]
}

// unpack returns rows of a packed slot as elements.
func (e *Executable[F]) unpack(slot program.Slot, at program.Place, o program.Operand) ([]F, error) {
	values := make([]float32, o.Rows*slot.Cols)
	if err := dtype.ToFloat32(values, e.bytes(slot, at, o), slot.DType); err != nil {
		return nil, fmt.Errorf("%q: %w", slot.Name, err)
	}
	out := make([]F, len(values))
	for i, v := range values {
		out[i] = F(v)
	}
	return out, nil
}

// store rounds those outputs of an instruction to their type that are packed.
func (e *Executable[F]) store(t *step[F], seg *program.Segment, args []program.BufferID, in *program.Instr) error {
	for i, o := range in.Out {
		slot, at := e.program.Locate(seg, args, o)
		if !packed(slot.DType) {
			continue
		}
		values := make([]float32, len(t.out[i].data))
		for n, v := range t.out[i].data {
			values[n] = float32(v)
		}
		if err := dtype.FromFloat32(e.bytes(slot, at, o), values, slot.DType); err != nil {
			return fmt.Errorf("%q: %w", slot.Name, err)
		}
	}
	return nil
}

// factor is a matrix as a factor of a product: rounded to Attr.Compute.
func (t *step[F]) factor(m matrix[F]) matrix[F] {
	if t.Compute == dtype.Invalid || t.Compute == dtype.F32 || !m.given() {
		return m
	}
	rounded := make([]F, len(m.data))
	for i, v := range m.data {
		rounded[i] = F(t.round(float64(v)))
	}
	m.data = rounded
	return m
}

// round rounds one factor.
func (t *step[F]) round(v float64) float64 {
	switch t.Compute {
	case dtype.BF16:
		return float64(dtype.BF16ToFloat32(dtype.Float32ToBF16(float32(v))))
	case dtype.F16:
		return float64(dtype.F16ToFloat32(dtype.Float32ToF16(float32(v))))
	}
	return v
}
