package program

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/formats/dtype"
)

// Check says what is wrong with a program before anything runs: places outside
// their block, instructions or attributes that no backend can obey, operands
// whose shape or type is not what ops.go asks for, calls whose arguments do
// not fit their segment, copies between the wrong places or of what was never
// saved, and outputs laid over what the instruction still reads. Every backend calls it first in Compile.
//
// What only a run knows (ids, targets, document bounds, the cache's fill) is not
// checked here.
func (p *Program) Check() error {
	for i, b := range p.Buffers {
		if err := p.checkPlace(b.DType, b.Rows, b.Cols, b.Place); err != nil {
			return fmt.Errorf("buffer %d %q: %w", i, b.Name, err)
		}
	}
	for i := range p.Segments {
		if err := p.checkSegment(&p.Segments[i]); err != nil {
			return fmt.Errorf("segment %d %q: %w", i, p.Segments[i].Name, err)
		}
	}
	for i := range p.Entries {
		if err := p.checkEntry(&p.Entries[i]); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	for i := range p.Entries {
		if err := p.checkParked(&p.Entries[i]); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

func checkShape(t dtype.DType, rows, cols int) error {
	switch t {
	case dtype.F32, dtype.I32, dtype.BF16, dtype.F16:
	case dtype.NF4, dtype.NF4Double:
		if cols%dtype.Block != 0 {
			return fmt.Errorf("has %d columns; %s wants a multiple of %d", cols, t, dtype.Block)
		}
	default:
		return fmt.Errorf("has type %s; programs hold F32, I32, BF16, F16, NF4 and NF4_DOUBLE", t)
	}
	if rows < 1 || cols < 1 || int64(rows) > (1<<60)/int64(cols) {
		return fmt.Errorf("has shape [%d, %d]", rows, cols)
	}
	return nil
}

func (p *Program) checkPlace(t dtype.DType, rows, cols int, at Place) error {
	if err := checkShape(t, rows, cols); err != nil {
		return err
	}
	if at.Block < 0 || at.Block >= len(p.Blocks) {
		return fmt.Errorf("is in block %d, and the program has %d blocks", at.Block, len(p.Blocks))
	}
	if at.Offset < 0 || at.Offset%Align != 0 {
		return fmt.Errorf("is at byte %d, not on a boundary of %d bytes", at.Offset, Align)
	}
	bytes := t.Bytes(rows, cols)
	if size := p.Blocks[at.Block].Size; bytes > size-at.Offset {
		return fmt.Errorf("is %d bytes at byte %d of block %d, which has %d bytes", bytes, at.Offset, at.Block, size)
	}
	return nil
}

func (p *Program) checkSegment(s *Segment) error {
	for i, x := range s.Params {
		if err := checkShape(x.DType, x.Rows, x.Cols); err != nil {
			return fmt.Errorf("parameter %d %q: %w", i, x.Name, err)
		}
	}
	for i, x := range s.Locals {
		if err := p.checkPlace(x.DType, x.Rows, x.Cols, x.Place); err != nil {
			return fmt.Errorf("local %d %q: %w", i, x.Name, err)
		}
		if p.Blocks[x.Place.Block].Class.OfHost() {
			return fmt.Errorf("local %d %q is in the host's memory", i, x.Name)
		}
	}
	for i := range s.Instrs {
		if err := s.checkInstr(&s.Instrs[i]); err != nil {
			return fmt.Errorf("instruction %d (%s): %w", i, s.Instrs[i].Op, err)
		}
	}
	return nil
}

func (s *Segment) checkInstr(in *Instr) error {
	if in.Op >= opCount {
		return fmt.Errorf("there is no instruction with code %d", in.Op)
	}
	sig := &signatures[in.Op]
	if len(in.In) != len(sig.in) || len(in.Out) != len(sig.out) {
		return fmt.Errorf("has %d inputs and %d outputs, wants %d and %d", len(in.In), len(in.Out), len(sig.in), len(sig.out))
	}
	dims, err := in.Attr.dims(in.Op)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	for i, rule := range sig.in {
		given[rule.name] = in.In[i].Given()
		if err := s.checkOperand(rule, in.In[i], dims); err != nil {
			return fmt.Errorf("input %d (%s) %w", i, rule.name, err)
		}
	}
	for i, rule := range sig.out {
		if err := s.checkOperand(rule, in.Out[i], dims); err != nil {
			return fmt.Errorf("output %d (%s) %w", i, rule.name, err)
		}
	}
	for _, pair := range sig.together {
		if given[pair[0]] != given[pair[1]] {
			return fmt.Errorf("has only one of %s and %s", pair[0], pair[1])
		}
	}
	if err := in.Attr.check(in.Op, sig, given, dims); err != nil {
		return err
	}
	return s.checkNarrow(in)
}

// checkOperand binds the dimensions that the operand is the first to name.
func (s *Segment) checkOperand(rule operandRule, o Operand, dims map[string]int) error {
	if !o.Given() {
		if rule.optional {
			return nil
		}
		return errors.New("is absent")
	}
	if o.Slot < 0 || o.Slot >= len(s.Params)+len(s.Locals) {
		return fmt.Errorf("names slot %d of %d", o.Slot, len(s.Params)+len(s.Locals))
	}
	slot := s.Slot(o)
	if o.Row < 0 || o.Rows < 1 || o.Row > slot.Rows-o.Rows {
		return fmt.Errorf("names rows %d to %d of %q, which has %d", o.Row, o.Row+o.Rows-1, slot.Name, slot.Rows)
	}
	if !slices.Contains(rule.dtypes, slot.DType) {
		return fmt.Errorf("is %s (%q), wants %s", slot.DType, slot.Name, strings.Trim(fmt.Sprint(rule.dtypes), "[]"))
	}
	if slot.DType.InBlocks() && o.Rows != slot.Rows {
		return fmt.Errorf("names %d of %d rows of %q: a matrix of %s is used whole", o.Rows, slot.Rows, slot.Name, slot.DType)
	}
	for _, d := range []struct {
		name string
		got  int
	}{{rule.rows, o.Rows}, {rule.cols, slot.Cols}} {
		if n, err := strconv.Atoi(d.name); err == nil {
			dims[d.name] = n
		}
		if want, bound := dims[d.name]; bound && want != d.got {
			return fmt.Errorf("is [%d, %d] (%q), wants [%s, %s] with %s = %d",
				o.Rows, slot.Cols, slot.Name, rule.rows, rule.cols, d.name, want)
		}
		dims[d.name] = d.got
	}
	return nil
}

// dims are the dimensions that the attributes give.
func (a *Attr) dims(op Op) (map[string]int, error) {
	dims := map[string]int{}
	switch op {
	case OpAttention, OpAttentionGrad, OpAttentionCached:
		if a.KVHeads < 1 || a.Heads%a.KVHeads != 0 {
			return nil, fmt.Errorf("has %d heads over %d key heads", a.Heads, a.KVHeads)
		}
		if a.Window < 0 || a.SoftCap < 0 {
			return nil, fmt.Errorf("has window %d and soft cap %g", a.Window, a.SoftCap)
		}
		dims["KVHeads·HeadDim"] = a.KVHeads * a.HeadDim
	case OpRoPE:
	default:
		return dims, nil
	}
	if a.Heads < 1 || a.HeadDim < 1 {
		return nil, fmt.Errorf("has %d heads of %d columns", a.Heads, a.HeadDim)
	}
	dims["Heads"], dims["Heads·HeadDim"] = a.Heads, a.Heads*a.HeadDim
	return dims, nil
}

// check looks at what the operands' shapes say of the attributes and of each other.
func (a *Attr) check(op Op, sig *signature, given map[string]bool, dims map[string]int) error {
	if a.Accumulate && !sig.accumulate {
		return errors.New("cannot accumulate")
	}
	if a.Adapter && op != OpLinear {
		return errors.New("cannot be scaled as an adapter")
	}
	if a.Dropout.P != 0 {
		switch {
		case !sig.dropout:
			return errors.New("has no dropout")
		case !(a.Dropout.P > 0 && a.Dropout.P < 1):
			return fmt.Errorf("drops with probability %g", a.Dropout.P)
		case !given["index"]:
			return errors.New("has dropout, and the operand index is absent")
		}
	}
	if c := a.Compute; c != 0 && c != dtype.F32 && (!sig.compute || c != dtype.BF16 && c != dtype.F16) {
		return fmt.Errorf("cannot compute in %s", c)
	}
	switch op {
	case OpRMSNorm, OpRMSNormGrad, OpRMSNormWeightGrad:
		if dims["G"]*dims["C/G"] != dims["C"] {
			return fmt.Errorf("divides %d columns into %d groups of %d", dims["C"], dims["C/G"], dims["G"])
		}
	case OpRoPE:
		if 2*dims["n/2"] > a.HeadDim {
			return fmt.Errorf("rotates %d columns of heads that have %d", 2*dims["n/2"], a.HeadDim)
		}
	case OpGated, OpGatedGrad:
		if a.Activation != "silu" && a.Activation != "gelu" && a.Activation != "gelu_tanh" {
			return fmt.Errorf("has activation %q; those known are silu, gelu and gelu_tanh", a.Activation)
		}
	case OpAdamW, OpSGD:
		return checkRanges(a.Ranges, int64(dims["N"]))
	case OpAdamW8:
		if n := dims["N"]; 4*dims["N/4"] != n || 256*dims["N/256"] != n {
			return fmt.Errorf("has %d elements, %d words of codes and %d scales a moment; wants a multiple of 256, a quarter and a 256th of it", n, dims["N/4"], dims["N/256"])
		}
		return checkRanges(a.Ranges, int64(dims["N"]))
	}
	return nil
}

func checkRanges(ranges []Range, n int64) error {
	var end int64
	for _, r := range ranges {
		if r.Offset%256 != 0 || r.Offset < end {
			return fmt.Errorf("range %q begins at element %d: wants a multiple of 256 from %d on", r.Name, r.Offset, end)
		}
		if r.Len < 0 || r.Len > n-r.Offset {
			return fmt.Errorf("range %q has elements %d to %d of %d", r.Name, r.Offset, r.Offset+r.Len-1, n)
		}
		end = r.Offset + r.Len
	}
	return nil
}
