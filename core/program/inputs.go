package program

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// InputChecks are what a run of an entry must find in what the host wrote:
// kernels index memory with it. A backend checks before each Run.
type InputChecks struct {
	integers []integerCheck
	caches   []cacheCheck
}

// integerCheck is about rows of I32 at a place.
type integerCheck struct {
	op   Op
	what string
	at   Place
	rows int
	// Element r must be from low to high; toRow and fromRow put r in their place.
	low, high      int
	toRow, fromRow bool
}

// cacheCheck is the room that a decode of some rows must find.
type cacheCheck struct {
	op         Op
	rows, room int
}

// InputChecks lists the checks of an entry, each once. The program must have
// passed its Check.
func (p *Program) InputChecks(e *Entry) *InputChecks {
	all := &InputChecks{}
	for i := range e.Calls {
		call := &e.Calls[i]
		s := &p.Segments[call.Segment]
		for j := range s.Instrs {
			all.add(p, s, call.Args, &s.Instrs[j])
		}
	}
	return all
}

func (all *InputChecks) add(p *Program, s *Segment, args []BufferID, in *Instr) {
	integers := func(operand int, c integerCheck) {
		o := in.In[operand]
		_, c.at = p.Locate(s, args, o)
		c.at.Offset += 4 * int64(o.Row) // integers have one column
		c.op, c.rows = in.Op, o.Rows
		if !slices.Contains(all.integers, c) {
			all.integers = append(all.integers, c)
		}
	}
	document := func(first, last int) {
		integers(first, integerCheck{what: "first row of the document", toRow: true})
		integers(last, integerCheck{what: "last row of the document", fromRow: true, high: in.In[last].Rows - 1})
	}
	cache := func(rows, room int) {
		if c := (cacheCheck{in.Op, rows, room}); !slices.Contains(all.caches, c) {
			all.caches = append(all.caches, c)
		}
	}
	switch in.Op {
	case OpEmbed:
		integers(0, integerCheck{what: "token id", high: in.In[1].Rows - 1})
	case OpEmbedGrad:
		integers(0, integerCheck{what: "token id", high: in.Out[0].Rows - 1})
		integers(1, integerCheck{what: "order", high: in.In[1].Rows - 1})
	case OpCrossEntropy:
		integers(0, integerCheck{what: "target", low: -1, high: s.Slot(in.Out[0]).Cols - 1})
	case OpAttention:
		document(3, 4)
	case OpAttentionGrad:
		document(6, 7)
	case OpCacheAppend:
		cache(in.In[0].Rows, in.Out[0].Rows)
	case OpAttentionCached:
		cache(in.In[0].Rows, in.In[1].Rows)
	}
}

// Check says what is wrong with a run's inputs. memory returns n bytes from a
// place on, integers with their low byte first.
func (all *InputChecks) Check(s *Scalars, memory func(at Place, n int) []byte) error {
	for _, c := range all.caches {
		if s.Past < 0 || s.Tokens < 0 || s.Tokens > c.rows || s.Past > c.room-s.Tokens {
			return fmt.Errorf("%s: %d tokens of %d rows after %d do not fit a cache of %d tokens", c.op, s.Tokens, c.rows, s.Past, c.room)
		}
	}
	for _, c := range all.integers {
		if err := c.check(memory(c.at, 4*c.rows)); err != nil {
			return err
		}
	}
	return nil
}

func (c *integerCheck) check(data []byte) error {
	for r := range c.rows {
		low, high := c.low, c.high
		if c.toRow {
			high = r
		}
		if c.fromRow {
			low = r
		}
		if v := int(int32(binary.LittleEndian.Uint32(data[4*r:]))); v < low || v > high {
			return fmt.Errorf("%s: %s of row %d is %d, want %d to %d", c.op, c.what, r, v, low, high)
		}
	}
	return nil
}
