package bench

import (
	"math"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Two products of one shape are one row; a share of the peak is the time that
// the peak allows over the time taken.
func TestProfile(t *testing.T) {
	slots := []program.Slot{
		{Name: "x", DType: dtype.F32, Rows: 4, Cols: 64}, {Name: "w", DType: dtype.BF16, Rows: 32, Cols: 64}, {Name: "y", DType: dtype.F32, Rows: 4, Cols: 32},
	}
	whole := func(i int) program.Operand { return program.Operand{Slot: i, Rows: slots[i].Rows} }
	none := program.Operand{Slot: program.None}
	linear := program.Instr{
		Op: program.OpLinear, Attr: program.Attr{Compute: dtype.BF16},
		In: []program.Operand{whole(0), whole(1), none, none, none, none}, Out: []program.Operand{whole(2)},
	}
	zero := program.Instr{Op: program.OpZero, Out: []program.Operand{whole(2)}}
	p := &program.Program{
		Segments: []program.Segment{{Params: slots, Instrs: []program.Instr{linear, zero, linear}}},
		Entries:  []program.Entry{{Calls: []program.Call{{}}}},
	}
	times := []backends.Timing{{Instr: 0, Seconds: 2}, {Instr: 1, Seconds: 1}, {Instr: 2, Seconds: 3}}
	const flops = 2 * 4 * 32 * 64
	peaks := Peaks{Flops: map[dtype.DType]float64{dtype.F32: flops, dtype.BF16: 2 * flops}, Bytes: 4 * 32 * 4 * 2}
	rows := Profile(p, 0, times, func(int) float64 { return 0 }, peaks)
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2: %+v", len(rows), rows)
	}
	for i, want := range []Row{
		{Name: "linear 64 → 32 BF16 in BF16", Count: 2, Seconds: 5, Share: 5.0 / 6, OfPeak: 1.0 / 5},
		{Name: "zero 32", Count: 1, Seconds: 1, Share: 1.0 / 6, OfPeak: 0.5},
	} {
		got := rows[i]
		if got.Name != want.Name || got.Count != want.Count || got.Seconds != want.Seconds ||
			math.Abs(got.Share-want.Share) > 1e-12 || math.Abs(got.OfPeak-want.OfPeak) > 1e-12 {
			t.Errorf("row %d is %+v, want %+v", i, got, want)
		}
	}
}

// The type that is named is the weight's, not that of an activation.
func TestDescribe(t *testing.T) {
	slots := []program.Slot{
		{Name: "dy", DType: dtype.BF16, Rows: 4, Cols: 16}, {Name: "x", DType: dtype.BF16, Rows: 4, Cols: 64},
		{Name: "dw", DType: dtype.F32, Rows: 16, Cols: 64}, {Name: "w", DType: dtype.NF4, Rows: 16, Cols: 64},
	}
	whole := func(i int) program.Operand { return program.Operand{Slot: i, Rows: slots[i].Rows} }
	none := program.Operand{Slot: program.None}
	seg := &program.Segment{Params: slots}
	for _, c := range []struct {
		in   program.Instr
		want string
	}{
		{program.Instr{Op: program.OpLinearWeightGrad, Attr: program.Attr{Compute: dtype.BF16}, In: []program.Operand{whole(0), whole(1), none}, Out: []program.Operand{whole(2)}},
			"linear_weight_grad 16 × 64 in BF16"},
		{program.Instr{Op: program.OpLinear, Attr: program.Attr{Compute: dtype.BF16}, In: []program.Operand{whole(1), whole(3), none, none, none, none}, Out: []program.Operand{whole(0)}},
			"linear 64 → 16 NF4 in BF16"},
	} {
		if got := describe(seg, &c.in); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A device that cannot measure its arithmetic still has the speed of copies.
func TestMeasure(t *testing.T) {
	p, err := Measure(reference.New[float32]())
	if err != nil || len(p.Flops) != 0 || !(p.Bytes > 0) {
		t.Errorf("%+v, %v", p, err)
	}
}

// streaming is a device that says it has memory of its own.
type streaming struct{ backends.Backend }

func (s streaming) Describe() backends.Device {
	d := s.Backend.Describe()
	d.Streams = true
	return d
}

func TestMeasureHostCopies(t *testing.T) {
	p, err := Measure(streaming{reference.New[float32]()})
	if err != nil || !(p.Host.Load > 0 && p.Host.Write > 0 && p.Host.Read > 0) {
		t.Errorf("%+v, %v", p.Host, err)
	}
}
