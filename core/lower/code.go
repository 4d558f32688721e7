package lower

import (
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// code is straight-line code under construction: instructions over numbered
// variables. A variable with a key becomes a parameter of the segment; the
// others become locals.
type code struct {
	vars   []variable
	byKey  map[string]int
	instrs []program.Instr // operands' Slot is a variable
}

type variable struct {
	key string // how a call binds it, or "" for a local
	program.Slot
}

func newCode() *code { return &code{byKey: map[string]int{}} }

// operand names all rows of a variable.
func (c *code) operand(v int) program.Operand {
	return program.Operand{Slot: v, Rows: c.vars[v].Rows}
}

// param returns the variable that calls bind by key.
func (c *code) param(key string, t dtype.DType, rows, cols int) program.Operand {
	if v, ok := c.byKey[key]; ok {
		return c.operand(v)
	}
	c.vars = append(c.vars, variable{key, program.Slot{Name: key, DType: t, Rows: rows, Cols: cols}})
	c.byKey[key] = len(c.vars) - 1
	return c.operand(len(c.vars) - 1)
}

// local returns a new variable [rows, cols] of F32.
func (c *code) local(name string, rows, cols int) program.Operand {
	c.vars = append(c.vars, variable{"", program.Slot{Name: name, DType: dtype.F32, Rows: rows, Cols: cols}})
	return c.operand(len(c.vars) - 1)
}

func (c *code) emit(op program.Op, attr program.Attr, in []program.Operand, out ...program.Operand) {
	c.instrs = append(c.instrs, program.Instr{Op: op, In: in, Out: out, Attr: attr})
}

func (c *code) cols(o program.Operand) int { return c.vars[o.Slot].Cols }

func operands(o ...program.Operand) []program.Operand { return o }

var absent = program.Operand{Slot: program.None}

// rowsOf narrows an operand to rows from … from+n of itself.
func rowsOf(o program.Operand, from, n int) program.Operand {
	return program.Operand{Slot: o.Slot, Row: o.Row + from, Rows: n}
}
