package lower

import (
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// newIO allocates the buffers through which the host talks to one micro batch.
func (p *pass) newIO(name string, decode bool) (program.IO, error) {
	s := p.newSpace()
	var failed error
	buffer := func(what string, t dtype.DType, cols int) program.BufferID {
		id, err := p.newBuffer(program.Inputs, s, what+"."+name, t, p.rows, cols)
		if err != nil {
			failed = err
		}
		return id
	}
	io := program.IO{
		IDs: buffer("ids", dtype.I32, 1), Positions: buffer("positions", dtype.I32, 1),
		First: -1, Last: -1, Targets: -1, Weights: -1, Index: -1, Order: -1, LogProbs: -1, Logits: -1,
	}
	if decode {
		io.Index = buffer("index", dtype.I32, 1)
		io.Logits = buffer("logits", dtype.F32, p.graph.Vocab)
	} else {
		io.First, io.Last = buffer("first", dtype.I32, 1), buffer("last", dtype.I32, 1)
		io.Targets, io.Index = buffer("targets", dtype.I32, 1), buffer("index", dtype.I32, 1)
		io.Weights, io.LogProbs = buffer("weights", dtype.F32, 1), buffer("logprobs", dtype.F32, 1)
		if p.Full {
			io.Order = buffer("order", dtype.I32, 1)
		}
	}
	p.addBlocks(program.Inputs, s)
	return io, failed
}

func ioBuffer(io program.IO, name string) program.BufferID {
	switch name {
	case "ids":
		return io.IDs
	case "positions":
		return io.Positions
	case "first":
		return io.First
	case "last":
		return io.Last
	case "targets":
		return io.Targets
	case "weights":
		return io.Weights
	case "index":
		return io.Index
	case "order":
		return io.Order
	case "logprobs":
		return io.LogProbs
	}
	return io.Logits
}
