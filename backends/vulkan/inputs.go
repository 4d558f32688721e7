package vulkan

import (
	"encoding/binary"
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// integers mirrors what the host wrote to I32 buffers, by block: kernels index
// memory with it, so a run checks it first, without a transfer back.
type integers map[int][]byte

// newIntegers makes room for the I32 buffers of a program.
func newIntegers(p *program.Program) integers {
	m := integers{}
	for _, b := range p.Buffers {
		if end := b.Place.Offset + b.Bytes(); b.DType == dtype.I32 && end > int64(len(m[b.Place.Block])) {
			m[b.Place.Block] = make([]byte, end)
		}
	}
	return m
}

func (m integers) write(b *program.Buffer, offset int64, data []byte) {
	if b.DType == dtype.I32 {
		copy(m[b.Place.Block][b.Place.Offset+offset:], data)
	}
}

// inputCheck is what a run must find in an operand of integers.
type inputCheck struct {
	op   program.Op
	what string
	at   span
	// Element r must be from low to high; toRow and fromRow put r in their place.
	low, high      int
	toRow, fromRow bool
}

// cacheCheck is the room that a decode must find.
type cacheCheck struct {
	op         program.Op
	rows, room int
}

// checks are those of an entry, each once.
type checks struct {
	inputs map[inputCheck]bool
	caches map[cacheCheck]bool
}

func checksOf(list []instr) checks {
	all := checks{map[inputCheck]bool{}, map[cacheCheck]bool{}}
	for i := range list {
		if list[i].load != nil {
			continue
		}
		in := &list[i]
		ids := func(what string, operand, low, count int) {
			all.inputs[inputCheck{op: in.op, what: what, at: in.in[operand].span, low: low, high: count - 1}] = true
		}
		document := func(first, last int) {
			rows := in.in[last].rows
			all.inputs[inputCheck{op: in.op, what: "first row of the document", at: in.in[first].span, toRow: true}] = true
			all.inputs[inputCheck{op: in.op, what: "last row of the document", at: in.in[last].span, fromRow: true, high: rows - 1}] = true
		}
		switch in.op {
		case program.OpEmbed:
			ids("token id", 0, 0, in.in[1].rows)
		case program.OpEmbedGrad:
			ids("token id", 0, 0, in.out[0].rows)
			ids("order", 1, 0, in.in[1].rows)
		case program.OpCrossEntropy:
			ids("target", 0, -1, in.out[0].cols)
		case program.OpAttention:
			document(3, 4)
		case program.OpAttentionGrad:
			document(6, 7)
		case program.OpCacheAppend:
			all.caches[cacheCheck{in.op, in.in[0].rows, in.out[0].rows}] = true
		case program.OpAttentionCached:
			all.caches[cacheCheck{in.op, in.in[0].rows, in.in[1].rows}] = true
		}
	}
	return all
}

func (c checks) check(m integers, s *program.Scalars) error {
	for k := range c.caches {
		if s.Past < 0 || s.Tokens < 0 || s.Tokens > k.rows || s.Past > k.room-s.Tokens {
			return fmt.Errorf("%s: %d tokens of %d rows after %d do not fit a cache of %d tokens", k.op, s.Tokens, k.rows, s.Past, k.room)
		}
	}
	for k := range c.inputs {
		if err := k.check(m); err != nil {
			return err
		}
	}
	return nil
}

func (c inputCheck) check(m integers) error {
	data := m[c.at.block][c.at.begin:c.at.end]
	for r := range len(data) / 4 {
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
