package vulkan

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
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
	aligned := a.HeadDim%8 == 0
	for _, m := range operands {
		aligned = aligned && m.address%16 == 0 && m.cols%8 == 0
	}
	return []any{a.HeadDim, aligned, a.SoftCap > 0}, nil
}

// tiles adds a dispatch of a kernel made of attention's tiles: on matrix units where the device has them for
// Attr.Compute, else in float32. first are the constants of heads, then the kernel's own.
func (k *kernels) tiles(shader string, a *program.Attr, first []any, own []any, push []byte, groups [3]uint32, cost float64) {
	all := slices.Clone(first)
	u, ok := unitFor(k.info, a.Compute)
	// An invocation's part of a tile is for 256 of them.
	ok = ok && k.matrices[a.Compute] && 256%k.info.Subgroup == 0
	if ok {
		shader += map[dtype.DType]string{dtype.F16: "_f16", dtype.BF16: "_bf16"}[a.Compute]
		all = append(all, u.m, u.n, u.k, k.info.Subgroup)
	}
	k.add(shader, constants(append(all, own...)...), push, groups, cost)
	k.list[len(k.list)-1].wholeSubgroups = ok
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
	k.tiles("attention", a, c, []any{false, activationTypes(q, key, v, o)},
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
	blocks := over(q.rows, attentionTile)
	k.tiles("attention", a, c, []any{true, activationTypes()},
		push(q, key, v, matrix{}, o, matrix{}, k.scalars, q.rows, key.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
		[3]uint32{uint32(blocks), uint32(a.Heads), 1}, cost*float64(blocks*attentionTile))
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
	k.add("attention_delta", constants(a.HeadDim, activationTypes(o, do)), push(o, do, delta, n), flat(over(n, 16)), 32*float64(q.elements()))
	blocks := uint32(over(q.rows, attentionTile))
	k.tiles("attention_grad_q", a, c, []any{activationTypes(q, key, v, do, dq)},
		push(q, key, v, do, lse, delta, first, dq, q.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap),
		[3]uint32{blocks, uint32(a.Heads), 1}, 3*scoreCost(a, q.rows))
	k.list[len(k.list)-1].after = true
	pushed := push(q, key, v, do, lse, delta, first, last, dk, dv, q.rows, a.Heads, a.KVHeads, a.Window, a.Scale, a.SoftCap)
	groups, all := [3]uint32{blocks, uint32(a.KVHeads), 1}, activationTypes(q, key, v, do, dk, dv)
	if a.HeadDim <= 128 {
		k.tiles("attention_grad_kv", a, c, []any{true, true, all}, pushed, groups, 4*scoreCost(a, q.rows))
		return nil
	}
	k.tiles("attention_grad_kv", a, c, []any{true, false, all}, pushed, groups, 2*scoreCost(a, q.rows))
	k.tiles("attention_grad_kv", a, c, []any{false, true, all}, pushed, groups, 3*scoreCost(a, q.rows))
	return nil
}
