package program

// Cost is the work of one instruction: floating-point operations of its
// products and bytes that it must read and write at least.
type Cost struct{ Flops, Bytes float64 }

// Cost counts the instruction's work. pairs is the number of (query, key)
// pairs that attention sees, Σ over rows of last key − first key + 1; a
// multiply-add is two operations. Instructions without products have Flops 0.
func (s *Segment) Cost(in *Instr, pairs float64) Cost {
	var c Cost
	for _, o := range append(in.In[:len(in.In):len(in.In)], in.Out...) {
		if o.Given() {
			slot := s.Slot(o)
			c.Bytes += float64(slot.DType.Bytes(o.Rows, slot.Cols))
		}
	}
	size := func(o Operand) (rows, cols float64) {
		if !o.Given() {
			return 0, 0
		}
		return float64(o.Rows), float64(s.Slot(o).Cols)
	}
	heads := float64(in.Attr.Heads * in.Attr.HeadDim)
	switch in.Op {
	case OpLinear:
		rows, out := size(in.Out[0])
		_, inputs := size(in.In[0])
		_, rank := size(in.In[3])
		c.Flops = 2 * rows * out * (inputs + rank)
	case OpLinearGrad:
		rows, inputs := size(in.Out[0])
		_, out := size(in.In[0])
		_, rank := size(in.In[2])
		c.Flops = 2 * rows * inputs * (out + rank)
	case OpLinearWeightGrad:
		out, inputs := size(in.Out[0])
		rows, _ := size(in.In[0])
		c.Flops = 2 * rows * out * inputs
	case OpAttention, OpAttentionCached:
		c.Flops = 4 * pairs * heads // q·k and p·v
	case OpAttentionGrad:
		c.Flops = 10 * pairs * heads // q·k again, dv, dp, dq, dk
	case OpEmbed: // the rows that are read, not the table
		rows, cols := size(in.Out[0])
		c.Bytes = 2 * 4 * rows * cols
	}
	return c
}
