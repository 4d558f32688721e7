package backendtest

import "github.com/loraedge/loraedge/core/program"

// emitStep emits forward, backward and update of the layer: documents of 9, 1
// and 11 tokens, the last token without a target. w are the trained norm,
// lora_A, lora_B, qkv (three products, each by a view of its rows), output and head.
func (l *layer) emitStep(src Source, w []trained) {
	norm, loraA, loraB, qkv, output, head := w[0], w[1], w[2], w[3], w[4], w[5]
	var ids, positions, targets, index []int32
	for i := range tokens {
		ids = append(ids, int32(src.IntN(vocab)))
		positions = append(positions, int32(i%11))
		targets = append(targets, int32(src.IntN(vocab)))
		index = append(index, int32(100+i))
	}
	targets[tokens-1] = -1
	f, e := documents(9, 1, 11)
	first, last := l.integers("first", f.Ints), l.integers("last", e.Ints)
	idsO, pos := l.integers("ids", ids), l.integers("positions", positions)
	targetsO, indexO := l.integers("targets", targets), l.integers("index", index)
	table := l.constant("table", vocab, width, src.Normal(vocab*width, 1))
	freq := l.constant("invFreq", 1, 4, []float32{1, 0.3, 0.1, 0.03})
	ones := make([]float32, tokens)
	for i := range ones {
		ones[i] = 1
	}
	weights := l.constant("weights", tokens, 1, ones)
	l.logp = l.constant("logp", tokens, 1, make([]float32, tokens))

	one := program.Attr{Scale: 1}
	drop := program.Attr{Scale: 2, Adapter: true, Dropout: program.Dropout{P: 0.25, Module: 5}}
	masked := program.Attr{Scale: 1, Dropout: drop.Dropout}
	attention := program.Attr{Heads: heads, KVHeads: heads, HeadDim: headDim, Scale: 0.3, Window: 6}
	rope := program.Attr{Heads: heads, HeadDim: headDim, Scale: 1}
	back := rope
	back.Inverse = true
	gate := program.Attr{Activation: "silu"}
	wide := func(name string) program.Operand { return l.Local(name, tokens, width) }
	part := func(o program.Operand, i int) program.Operand { return Rows(o, i*width, width) }

	// Forward.
	x, h, rstd, u := wide("x"), wide("h"), l.Local("rstd", tokens, 1), l.Local("u", tokens, rank)
	q, k, v, o, lse := wide("q"), wide("k"), wide("v"), wide("o"), l.Local("lse", tokens, heads)
	a, y, logits := wide("a"), wide("y"), l.Local("logits", tokens, vocab)
	l.Emit(program.OpEmbed, one, In(idsO, table), x)
	l.Emit(program.OpRMSNorm, program.Attr{Eps: 1e-5, Offset: 1}, In(x, norm.w), h, rstd)
	l.Emit(program.OpLinear, drop, In(h, loraA.w, None, None, None, indexO), u)
	for i, z := range []program.Operand{q, k, v} {
		l.Emit(program.OpLinear, one, In(h, part(qkv.w, i), None, u, part(loraB.w, i), None), z)
	}
	l.Emit(program.OpRoPE, rope, In(q, pos, freq), q)
	l.Emit(program.OpRoPE, rope, In(k, pos, freq), k)
	l.Emit(program.OpAttention, attention, In(q, k, v, first, last), o, lse)
	l.Emit(program.OpLinear, one, In(o, output.w, None, None, None, None), a)
	l.Emit(program.OpGated, gate, In(a, x), y)
	l.Emit(program.OpLinear, one, In(y, head.w, None, None, None, None), logits)
	l.Emit(program.OpCrossEntropy, program.Attr{Gradient: true}, In(targetsO, weights), logits, l.logp)

	// Backward; gradients lie over values of the forward pass that are done with.
	dy, dx := wide("dy"), wide("dx")
	l.Emit(program.OpLinearWeightGrad, program.Attr{}, In(logits, y, None), head.grad)
	l.Emit(program.OpLinearGrad, one, In(logits, head.w, None, None, None), dy)
	da := l.LocalOver(logits, "da", tokens, width)
	l.Emit(program.OpGatedGrad, gate, In(a, x, dy), da, dx)
	do := l.LocalOver(a, "do", tokens, width)
	l.Emit(program.OpLinearWeightGrad, program.Attr{}, In(da, o, None), output.grad)
	l.Emit(program.OpLinearGrad, one, In(da, output.w, None, None, None), do)
	dq, dk, dv := wide("dq"), l.LocalOver(y, "dk", tokens, width), l.LocalOver(logits, "dv", tokens, width)
	l.Emit(program.OpAttentionGrad, attention, In(q, k, v, o, lse, do, first, last), dq, dk, dv)
	l.Emit(program.OpRoPE, back, In(dq, pos, freq), dq)
	l.Emit(program.OpRoPE, back, In(dk, pos, freq), dk)
	du, dh := l.Local("du", tokens, rank), l.LocalOver(q, "dh", tokens, width)
	l.Emit(program.OpZero, program.Attr{}, nil, du)
	for i, dz := range []program.Operand{dq, dk, dv} {
		l.Emit(program.OpLinearWeightGrad, program.Attr{}, In(dz, h, None), part(qkv.grad, i))
		l.Emit(program.OpLinearWeightGrad, program.Attr{}, In(dz, u, None), part(loraB.grad, i))
		l.Emit(program.OpLinearGrad, program.Attr{Scale: 2, Accumulate: true}, In(dz, part(loraB.w, i), None, None, None), du)
	}
	l.Emit(program.OpLinearWeightGrad, masked, In(du, h, indexO), loraA.grad)
	l.Emit(program.OpLinearGrad, masked, In(dq, part(qkv.w, 0), du, loraA.w, indexO), dh)
	for i, dz := range []program.Operand{dk, dv} {
		l.Emit(program.OpLinearGrad, program.Attr{Scale: 1, Accumulate: true}, In(dz, part(qkv.w, i+1), None, None, None), dh)
	}
	l.Emit(program.OpRMSNormWeightGrad, program.Attr{}, In(x, rstd, dh), norm.grad)
	l.Emit(program.OpRMSNormGrad, program.Attr{Offset: 1, Accumulate: true}, In(x, norm.w, rstd, dh), dx)

	// Update.
	l.Emit(program.OpGradNorm, program.Attr{}, In(l.grads), l.optimizer)
	l.Emit(program.OpAdamW, program.Attr{Ranges: l.ranges}, In(l.grads), l.params, l.m, l.v, l.optimizer)
	l.Emit(program.OpZero, program.Attr{}, nil, l.grads)
}
