package vulkan

import (
	"fmt"

	"github.com/loraedge/loraedge/core/program"
)

const (
	// attentionTile is TILE of shaders/attention.glsl.
	attentionTile = 64
	// fewRows of a cached attention are done one by one: in a tile most of the work would be for nothing.
	fewRows = 4
	// mostHeadDim is the largest head whose sums fit an invocation's registers.
	mostHeadDim = 256
)

// heads checks an instruction's heads and returns the constants that all
// kernels of attention begin with.
func (k *kernels) heads(a *program.Attr, operands ...matrix) ([]any, error) {
	if a.HeadDim > mostHeadDim {
		return nil, fmt.Errorf("heads of %d columns; at most %d", a.HeadDim, mostHeadDim)
	}
	if a.Heads > int(k.info.MaxGroups[1]) {
		return nil, fmt.Errorf("%d heads; the device's grid has %d", a.Heads, k.info.MaxGroups[1])
	}
	aligned := a.HeadDim%4 == 0
	for _, m := range operands {
		aligned = aligned && m.aligned()
	}
	return []any{a.HeadDim, aligned, a.SoftCap > 0}, nil
}

// scoreCost is the operations of one product of all queries and keys: causal ones are half, and
// a window fewer. Shorter documents are not known here.
func scoreCost(a *program.Attr, rows int) float64 {
	keys := float64(rows) / 2
	if a.Window > 0 {
		keys = min(keys, float64(a.Window))
	}
	return 2 * float64(rows) * (keys + attentionTile) * float64(a.Heads*a.HeadDim)
}

func lowerAttention(k *kernels, in *instr) error {
	q, key, v, first, o, lse := in.in[0], in.in[1], in.in[2], in.in[3], in.out[0], in.out[1]
	a := in.attr
	c, err := k.heads(a, q, key, v, o)
	if err != nil {
		return err
	}
	k.add("attention", constants(append(c, false)...),
		push(q, key, v, first, o, lse, k.scalars, q.rows, key.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
		[3]uint32{uint32(over(q.rows, attentionTile)), uint32(a.Heads), 1}, 2*scoreCost(a, q.rows))
	return nil
}

func lowerAttentionCached(k *kernels, in *instr) error {
	q, key, v, o := in.in[0], in.in[1], in.in[2], in.out[0]
	a := in.attr
	c, err := k.heads(a, q, key, v, o)
	if err != nil {
		return err
	}
	cost := 4 * float64(key.rows) * float64(a.Heads*a.HeadDim)
	if q.rows <= fewRows {
		k.add("attention_row", constants(c...),
			push(q, key, v, o, k.scalars, q.rows, key.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
			[3]uint32{uint32(q.rows), uint32(a.Heads), 1}, cost*float64(q.rows))
		return nil
	}
	tiles := over(q.rows, attentionTile)
	k.add("attention", constants(append(c, true)...),
		push(q, key, v, matrix{}, o, matrix{}, k.scalars, q.rows, key.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
		[3]uint32{uint32(tiles), uint32(a.Heads), 1}, cost*float64(tiles*attentionTile))
	return nil
}

// lowerAttentionGrad makes dq in one dispatch, over keys, and dk and dv in another, over
// queries and the query heads of a key head: nothing is added up between workgroups.
func lowerAttentionGrad(k *kernels, in *instr) error {
	q, key, v, o, lse, do, first, last := in.in[0], in.in[1], in.in[2], in.in[3], in.in[4], in.in[5], in.in[6], in.in[7]
	dq, dk, dv := in.out[0], in.out[1], in.out[2]
	a := in.attr
	c, err := k.heads(a, q, key, v, do, dq, dk, dv)
	if err != nil {
		return err
	}
	n := q.rows * a.Heads
	delta := k.scratch(q.rows, a.Heads)
	k.add("attention_delta", constants(a.HeadDim), push(o, do, delta, n), flat(over(n, 16)), 32*float64(q.elements()))
	blocks := uint32(over(q.rows, attentionTile))
	k.then("attention_grad_q", constants(c...),
		push(q, key, v, do, lse, delta, first, dq, q.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
		[3]uint32{blocks, uint32(a.Heads), 1}, 3*scoreCost(a, q.rows))
	pushed := push(q, key, v, do, lse, delta, first, last, dk, dv, q.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap)
	groups := [3]uint32{blocks, uint32(a.KVHeads), 1}
	if a.HeadDim <= 128 {
		k.add("attention_grad_kv", constants(append(c, true, true)...), pushed, groups, 4*scoreCost(a, q.rows))
		return nil
	}
	k.add("attention_grad_kv", constants(append(c, true, false)...), pushed, groups, 2*scoreCost(a, q.rows))
	k.add("attention_grad_kv", constants(append(c, false, true)...), pushed, groups, 3*scoreCost(a, q.rows))
	return nil
}
