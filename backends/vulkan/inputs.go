package vulkan

import (
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

// bytes are n bytes of what the host wrote from a place on.
func (m integers) bytes(at program.Place, n int) []byte { return m[at.Block][at.Offset:][:n] }
