package bench

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Row is what all instructions of one kind and shape took together.
type Row struct {
	Name    string  `json:"name"`
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share_of_time"`
	Flops   float64 `json:"flops"`
	Bytes   float64 `json:"bytes"`
	// OfPeak is the share of the device's measured peak: of multiply-adds for
	// products and attention, of copies for the others; 0 where there is none.
	OfPeak float64 `json:"share_of_peak"`
}

// Profile adds up the times of an entry's instructions by kind and shape, the
// longest first. pairs counts what attention with a window sees; see
// program.Segment.Cost.
func Profile(p *program.Program, entry int, times []backends.Timing, pairs func(window int) float64, peaks Peaks) []Row {
	rows := map[string]*Row{}
	ideal := map[string]float64{} // seconds at the peak
	var total, copies float64
	for _, t := range times {
		total += t.Seconds
		if t.Instr < 0 {
			copies += t.Seconds
			continue
		}
		seg := &p.Segments[p.Entries[entry].Calls[t.Call].Segment]
		in := &seg.Instrs[t.Instr]
		name, cost := describe(seg, in), seg.Cost(in, pairs(in.Attr.Window))
		r := rows[name]
		if r == nil {
			r = &Row{Name: name}
			rows[name] = r
		}
		r.Count++
		r.Seconds += t.Seconds
		r.Flops += cost.Flops
		r.Bytes += cost.Bytes
		ideal[name] += peaks.Seconds(in, cost)
	}
	all := make([]Row, 0, len(rows))
	for name, r := range rows {
		r.Share, r.OfPeak = r.Seconds/total, ideal[name]/r.Seconds
		all = append(all, *r)
	}
	if copies > 0 {
		all = append(all, Row{Name: "copies from and to the host's memory", Seconds: copies, Share: copies / total})
	}
	slices.SortFunc(all, func(a, b Row) int { return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Name, b.Name)) })
	return all
}

// Seconds is the time of an instruction at the device's peak, 0 where that is
// not known.
func (p Peaks) Seconds(in *program.Instr, c program.Cost) float64 {
	if c.Flops == 0 {
		if p.Bytes == 0 {
			return 0
		}
		return c.Bytes / p.Bytes
	}
	d := in.Attr.Compute
	if p.Flops[d] == 0 {
		d = dtype.F32 // also where the device has no instruction for the type
	}
	if p.Flops[d] == 0 {
		return 0
	}
	return c.Flops / p.Flops[d]
}

// describe names an instruction with what decides its speed.
func describe(seg *program.Segment, in *program.Instr) string {
	cols := func(o program.Operand) int { return seg.Slot(o).Cols }
	types := func(w program.Operand) string {
		text := ""
		if d := seg.Slot(w).DType; d != dtype.F32 {
			text += " " + d.String()
		}
		if c := in.Attr.Compute; c != dtype.Invalid {
			text += " in " + c.String()
		}
		if in.Attr.Dropout.P > 0 {
			text += " dropout"
		}
		return text
	}
	switch in.Op {
	case program.OpLinear:
		text := fmt.Sprintf("%s %d → %d", in.Op, cols(in.In[0]), cols(in.Out[0]))
		return text + rank(in.In[3], cols) + types(in.In[1])
	case program.OpLinearGrad:
		text := fmt.Sprintf("%s %d → %d", in.Op, cols(in.In[0]), cols(in.Out[0]))
		return text + rank(in.In[2], cols) + types(in.In[1])
	case program.OpLinearWeightGrad:
		return fmt.Sprintf("%s %d × %d", in.Op, in.Out[0].Rows, cols(in.Out[0])) + types(in.Out[0])
	}
	if len(in.Out) > 0 {
		text := fmt.Sprintf("%s %d", in.Op, cols(in.Out[0]))
		if c := in.Attr.Compute; c != dtype.Invalid {
			text += " in " + c.String()
		}
		return text
	}
	return in.Op.String()
}

func rank(u program.Operand, cols func(program.Operand) int) string {
	if !u.Given() {
		return ""
	}
	return fmt.Sprintf(" +%d", cols(u))
}
