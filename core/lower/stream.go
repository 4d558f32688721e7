package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// stream is the blocks whose frozen weights lie in the host's memory and come
// to the device when they are needed. A parameter of block i has a place there
// for the times i and i+1, so that a block and either neighbour never share
// memory: while one computes, the next can come.
type stream struct {
	first  int // the first such block
	host   *space
	blocks map[string]int              // the block of a parameter
	places map[string]program.BufferID // a parameter on the device
	loads  map[int][]program.Copy      // of a block
}

func (l *lowerer) newStream() {
	s := &stream{
		first: max(0, len(l.graph.Blocks)-l.Stream), host: l.newSpace(),
		blocks: map[string]int{}, places: map[string]program.BufferID{}, loads: map[int][]program.Copy{},
	}
	l.stream = s
	if l.Full {
		return
	}
	uses := map[string]int{}
	for _, seg := range l.graph.Segments() {
		for _, op := range seg.Ops {
			uses[op.Weight]++
			uses[op.Bias]++
		}
	}
	for i := s.first; i < len(l.graph.Blocks); i++ {
		for _, op := range l.graph.Blocks[i].Ops {
			for _, name := range []string{op.Weight, op.Bias} {
				if name != "" && uses[name] == 1 {
					s.blocks[name] = i
				}
			}
		}
	}
}

// place gives a parameter of a streamed block its place on the device, and
// returns its buffer in the host's memory.
func (s *stream) place(l *lowerer, weights *space, block int, name string, t dtype.DType, rows, cols int) (program.BufferID, error) {
	b := program.Buffer{Name: name, DType: t, Rows: rows, Cols: cols}
	at, err := weights.place(b.Bytes(), block, block+1)
	if err != nil {
		return -1, fmt.Errorf("%s [%d, %d]: %w", name, rows, cols, err)
	}
	b.Place = program.Place{Block: len(l.prog.Blocks) + at.Block, Offset: at.Offset}
	device := l.addBuffer(b)
	host, err := l.newBuffer(program.Host, s.host, "host."+name, t, rows, cols)
	if err != nil {
		return -1, err
	}
	s.places[name] = device
	s.loads[block] = append(s.loads[block], program.Copy{From: host, To: device})
	return host, nil
}

// onDevice is the buffer of a parameter that instructions work on.
func (l *lowerer) onDevice(param string) program.BufferID {
	if id, ok := l.stream.places[param]; ok {
		return id
	}
	return l.model.Weights[param]
}

// loadOf is the load of one buffer on the device; none where it is resident.
func (s *stream) loadOf(device program.BufferID) []program.Copy {
	for _, loads := range s.loads {
		for _, load := range loads {
			if load.To == device {
				return []program.Copy{load}
			}
		}
	}
	return nil
}

// window follows which streamed blocks are on the device while the calls of an
// entry are listed.
type window struct {
	*stream
	loaded map[int]bool
}

func (s *stream) window() *window { return &window{s, map[int]bool{}} }

// need returns what to load before a call of a block. The places of blocks
// other than its neighbours may be the same memory.
func (w *window) need(block int) []program.Copy {
	if w.loaded[block] || len(w.loads[block]) == 0 {
		return nil
	}
	w.loaded = map[int]bool{block: true, block - 1: w.loaded[block-1], block + 1: w.loaded[block+1]}
	return w.loads[block]
}
