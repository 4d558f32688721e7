package program

import (
	"fmt"

	"github.com/loraedge/loraedge/formats/dtype"
)

// Narrow activations: a value that is only ever a factor of products that round it
// to Attr.Compute may be held in that type from the start. Results are the same,
// memory and traffic are half. ops.go says what it means, signatures which operands.

// narrowing is what an operand may be besides F32.
type narrowing uint8

const (
	wide narrowing = iota
	// factor is an input that Attr.Compute rounds, held in this type.
	factor
	// result is an output, rounded to BF16 or F16 as it is written; not with Accumulate.
	result
	// sum is the result of a linear or of attention's gradient, for which a device
	// has a permission of its own.
	sum
)

// narrow lets an operand of F32 be BF16 or F16 too.
func narrow(n narrowing, r operandRule) operandRule {
	r.narrowing = n
	r.dtypes = []dtype.DType{dtype.F32, dtype.BF16, dtype.F16}
	return r
}

// Is16Bit says whether t is one of the types that narrow activations have.
func Is16Bit(t dtype.DType) bool { return t == dtype.BF16 || t == dtype.F16 }

// ReadsAs says whether input i may be held in t, BF16 or F16, as an activation: weights
// and tables are none.
func (in *Instr) ReadsAs(i int, t dtype.DType) bool {
	return signatures[in.Op].in[i].narrowing == factor && Is16Bit(t) && in.Attr.Compute == t
}

// WritesNarrow says whether output i may be BF16 or F16, and whether as a linear's or
// attention gradient's result.
func (in *Instr) WritesNarrow(i int) (ok, linear bool) {
	n := signatures[in.Op].out[i].narrowing
	return n != wide && !in.Attr.Accumulate, n == sum
}

// Activations calls each with every operand of the instruction that is a narrow
// activation, and whether it is a linear's or attention gradient's result.
func (s *Segment) Activations(in *Instr, each func(o Operand, linear bool)) {
	sig := &signatures[in.Op]
	visit := func(rules []operandRule, list []Operand) {
		for i, o := range list {
			if o.Given() && rules[i].narrowing != wide && Is16Bit(s.Slot(o).DType) {
				each(o, rules[i].narrowing == sum)
			}
		}
	}
	visit(sig.in, in.In)
	visit(sig.out, in.Out)
}

// checkNarrow looks at the types of operands that may be narrow.
func (s *Segment) checkNarrow(in *Instr) error {
	sig := &signatures[in.Op]
	for i, o := range in.In {
		if !o.Given() || sig.in[i].narrowing == wide {
			continue
		}
		if t := s.Slot(o).DType; Is16Bit(t) && !in.ReadsAs(i, t) {
			return fmt.Errorf("input %d (%s) is %s (%q), and products are computed in %s", i, sig.in[i].name, t, s.Slot(o).Name, computes(in.Attr.Compute))
		}
	}
	for i, o := range in.Out {
		if t := s.Slot(o).DType; sig.out[i].narrowing != wide && Is16Bit(t) && in.Attr.Accumulate {
			return fmt.Errorf("output %d (%s) is %s (%q), wants F32 to add to", i, sig.out[i].name, t, s.Slot(o).Name)
		}
	}
	return nil
}

func computes(t dtype.DType) dtype.DType {
	if t == dtype.Invalid {
		return dtype.F32
	}
	return t
}
