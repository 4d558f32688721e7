package lower

import (
	"fmt"
	"sort"

	"github.com/loraedge/loraedge/core/program"
)

// space hands out places in blocks of at most max bytes, each place for an
// interval of time; places overlap only where their times do not. What is larger
// than max begins a block, which is as large as the largest such buffer.
type space struct {
	max, largest int64   // largest is the device's limit; 0 for none
	sizes        []int64 // high water mark of each block
	taken        []interval
}

type interval struct {
	block      int
	begin, end int64
	from, to   int // times, both included
}

func (l *lowerer) newSpace() *space { return &space{max: l.MaxBlock, largest: l.MaxBuffer} }

const allTime = int(^uint(0) >> 1)

// forever places size bytes for all time.
func (s *space) forever(size int64) (program.Place, error) { return s.place(size, 0, allTime) }

// mark and release forget what was placed after the mark; sizes stay.
func (s *space) mark() int        { return len(s.taken) }
func (s *space) release(mark int) { s.taken = s.taken[:mark] }

// place finds the first gap of the first block that is free for the interval.
func (s *space) place(size int64, from, to int) (program.Place, error) {
	size = (size + program.Align - 1) / program.Align * program.Align
	if s.largest > 0 && size > s.largest {
		return program.Place{}, fmt.Errorf("needs %d bytes in one piece, and the device allocates at most %d", size, s.largest)
	}
	for b := 0; ; b++ {
		if b == len(s.sizes) {
			s.sizes = append(s.sizes, 0)
		}
		offset := s.gap(b, size, from, to)
		if s.max > 0 && offset > 0 && offset+size > max(s.max, s.sizes[b]) {
			continue
		}
		s.taken = append(s.taken, interval{b, offset, offset + size, from, to})
		s.sizes[b] = max(s.sizes[b], offset+size)
		return program.Place{Block: b, Offset: offset}, nil
	}
}

func (s *space) gap(block int, size int64, from, to int) int64 {
	var busy []interval
	for _, t := range s.taken {
		if t.block == block && t.from <= to && from <= t.to {
			busy = append(busy, t)
		}
	}
	sort.Slice(busy, func(i, j int) bool { return busy[i].begin < busy[j].begin })
	var offset int64
	for _, t := range busy {
		if offset+size <= t.begin {
			break
		}
		offset = max(offset, t.end)
	}
	return offset
}
