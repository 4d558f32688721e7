package program

import (
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
)

func TestCost(t *testing.T) {
	s := &Segment{Params: []Slot{
		{DType: dtype.F32, Rows: 10, Cols: 64},  // x
		{DType: dtype.NF4, Rows: 128, Cols: 64}, // w
		{DType: dtype.F32, Rows: 10, Cols: 4},   // u
		{DType: dtype.F32, Rows: 128, Cols: 4},  // b
		{DType: dtype.F32, Rows: 10, Cols: 128}, // y
	}}
	whole := func(i int) Operand { return Operand{Slot: i, Rows: s.Params[i].Rows} }
	none := Operand{Slot: None}
	linear := Instr{Op: OpLinear, In: []Operand{whole(0), whole(1), none, whole(2), whole(3), none}, Out: []Operand{whole(4)}}
	got := s.Cost(&linear, 0)
	want := Cost{
		Flops: 2 * 10 * 128 * (64 + 4),
		Bytes: 10*64*4 + 128*64/2 + 128*4 + 10*4*4 + 128*4*4 + 10*128*4,
	}
	if got != want {
		t.Errorf("linear costs %+v, want %+v", got, want)
	}
	attention := Instr{Op: OpAttention, Attr: Attr{Heads: 2, HeadDim: 32}, In: []Operand{whole(0)}, Out: []Operand{whole(0)}}
	if got := s.Cost(&attention, 55); got.Flops != 4*55*64 {
		t.Errorf("attention costs %g operations, want %d", got.Flops, 4*55*64)
	}
}
