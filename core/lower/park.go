package lower

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Parking: the inputs of the first blocks wait in the host's memory between
// forward and backward. On the device they take turns in the places of the
// first two inputs that stay there. So input i is saved while block i computes,
// before block i+1 writes over it, and comes back while block i+1 computes
// backward, after block i+2.
//
// Only inputs are parked, not what a kept block keeps: to copy that back and
// forth takes longer than to compute it again.

// parks is the number of blocks whose input is parked.
func (p *pass) parks() int { return max(0, min(p.Park, len(p.graph.Blocks)-1)) }

// residual are the buffers of one micro batch: the residual stream between
// blocks, and its gradient.
type residual struct {
	io program.IO
	// x are the inputs of blocks first, first+1, …, and the last one's output.
	x     []program.BufferID
	first int
	// parked are the inputs of blocks 0 … first-1 in the host's memory; nil where
	// nothing is kept for a backward pass.
	parked   []program.BufferID
	gradient program.BufferID
	kept     []map[string]program.BufferID // by block, where activations are kept
}

// newResidual allocates the buffers of a micro batch in which the first blocks
// take turns; train also parks them and has a gradient.
func (p *pass) newResidual(name string, first int, train bool) (*residual, error) {
	r := &residual{first: max(0, first), gradient: -1}
	for i := r.first; i <= len(p.graph.Blocks); i++ {
		x, err := p.activation(fmt.Sprintf("x%d.%s", i, name), p.graph.Width)
		if err != nil {
			return nil, err
		}
		r.x = append(r.x, x)
	}
	if !train {
		return r, nil
	}
	for i := range r.first {
		x, err := p.newBuffer(program.Parked, p.parked, fmt.Sprintf("parked%d.%s", i, name), dtype.F32, p.rows, p.graph.Width)
		if err != nil {
			return nil, err
		}
		r.parked = append(r.parked, x)
	}
	var err error
	r.gradient, err = p.activation("gradient."+name, p.graph.Width)
	r.kept = make([]map[string]program.BufferID, len(p.graph.Blocks))
	return r, err
}

// stream is the residual stream that enters block i.
func (r *residual) stream(i int) program.BufferID {
	if i < r.first {
		return r.x[(r.first-i)%2]
	}
	return r.x[i-r.first]
}

// save parks the input of block i, if it is to be.
func (r *residual) save(i int) []program.Copy {
	if i >= len(r.parked) {
		return nil
	}
	return []program.Copy{{From: r.stream(i), To: r.parked[i]}}
}

// load brings the input of block i back, if it was parked; the embedding (-1)
// has none.
func (r *residual) load(i int) []program.Copy {
	if i < 0 || i >= len(r.parked) {
		return nil
	}
	return []program.Copy{{From: r.parked[i], To: r.stream(i)}}
}
