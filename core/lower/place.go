package lower

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
)

// space hands out places in blocks of at most max bytes, each place for an
// interval of time; places overlap only where their times do not. What is larger
// than max begins a block, which is as large as the largest such buffer.
type space struct {
	max, largest int64        // largest is the device's limit; 0 for none
	sizes        []int64      // high water mark of each block
	taken        [][]interval // of each block, in the order of their begin
	placed       int
}

type interval struct {
	begin, end int64
	from, to   int // times, both included
	number     int // how many were placed before
}

func (l *lowerer) newSpace() *space { return &space{max: l.MaxBlock, largest: l.MaxBuffer} }

const allTime = int(^uint(0) >> 1)

// forever places size bytes for all time.
func (s *space) forever(size int64) (program.Place, error) { return s.place(size, 0, allTime) }

// mark and release forget what was placed after the mark; sizes stay.
func (s *space) mark() int { return s.placed }

func (s *space) release(mark int) {
	for b := range s.taken {
		s.taken[b] = slices.DeleteFunc(s.taken[b], func(t interval) bool { return t.number >= mark })
	}
}

// place finds the first gap of the first block that is free for the interval.
func (s *space) place(size int64, from, to int) (program.Place, error) {
	size = (size + program.Align - 1) / program.Align * program.Align
	if s.largest > 0 && size > s.largest {
		return program.Place{}, fmt.Errorf("needs %d bytes in one piece, and the device allocates at most %d", size, s.largest)
	}
	for b := 0; ; b++ {
		if b == len(s.sizes) {
			s.sizes, s.taken = append(s.sizes, 0), append(s.taken, nil)
		}
		offset, at := s.gap(b, size, from, to)
		if s.max > 0 && offset > 0 && offset+size > max(s.max, s.sizes[b]) {
			continue
		}
		s.taken[b] = slices.Insert(s.taken[b], at, interval{offset, offset + size, from, to, s.placed})
		s.placed++
		s.sizes[b] = max(s.sizes[b], offset+size)
		return program.Place{Block: b, Offset: offset}, nil
	}
}

// gap is the first offset of a block with room for size bytes, and where an
// interval from there on comes in the block's order.
func (s *space) gap(block int, size int64, from, to int) (offset int64, at int) {
	for _, t := range s.taken[block] {
		if offset+size <= t.begin {
			break
		}
		if t.from <= to && from <= t.to && t.end > offset {
			offset = t.end
		}
	}
	at, _ = slices.BinarySearchFunc(s.taken[block], offset, func(t interval, offset int64) int { return cmp.Compare(t.begin, offset) })
	return offset, at
}
