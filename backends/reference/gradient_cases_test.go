package reference_test

import (
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/core/program"
)

// gradientCases has every gradient instruction behind its forward one. A name
// that ends in + is a gradient that is added to what was there.
func gradientCases() map[string]func(*problem) {
	cases := map[string]func(*problem){
		"embed":           embedCase,
		"rms_norm":        func(p *problem) { normCase(p, 3, 10, 10, 0, false) },
		"rms_norm_heads":  func(p *problem) { normCase(p, 3, 12, 4, 1, true) },
		"linear":          linearCase,
		"lora":            func(p *problem) { loraCase(p, 0) },
		"lora_dropout":    func(p *problem) { loraCase(p, 0.3) },
		"rope_half":       func(p *problem) { ropeCase(p, 4, false) },
		"rope_partial":    func(p *problem) { ropeCase(p, 2, false) },
		"rope_interleave": func(p *problem) { ropeCase(p, 4, true) },
		"cross_entropy":   crossEntropyCase,
		"magnitude":       magnitudeCase,
	}
	for name, a := range map[string]program.Attr{
		"attention":         {Heads: 2, KVHeads: 2},
		"attention_grouped": {Heads: 4, KVHeads: 2},
		"attention_window":  {Heads: 2, KVHeads: 1, Window: 3},
		"attention_cap":     {Heads: 2, KVHeads: 1, SoftCap: 1.5},
		"attention_all":     {Heads: 4, KVHeads: 2, SoftCap: 2, Window: 4},
	} {
		cases[name] = func(p *problem) { attentionCase(p, a) }
	}
	for _, name := range []string{"silu", "gelu", "gelu_tanh"} {
		cases["gated_"+name] = func(p *problem) { gatedCase(p, name) }
	}
	return cases
}

func embedCase(p *problem) {
	ids, order := p.integers("ids", 4, 1, 4, 0, 1), p.integers("order", 3, 1, 4, 0, 2)
	table, y := p.floats("table", 6, 3), p.floats("y", 5, 3)
	attr := program.Attr{Scale: 1.5}
	p.Emit(program.OpEmbed, attr, bt.In(ids, table), y)
	p.Emit(program.OpEmbedGrad, attr, bt.In(ids, order, p.loss(y, 5, 3)), p.gradient("table+", table, 6, 3))
}

func normCase(p *problem, rows, cols, group int, offset float32, accumulate bool) {
	x, w := p.floats("x", rows, cols), p.floats("w", 1, group)
	y, rstd := p.floats("y", rows, cols), p.floats("rstd", rows, cols/group)
	name := "x"
	if accumulate {
		name += "+"
	}
	attr := program.Attr{Eps: 1e-3, Offset: offset}
	p.Emit(program.OpRMSNorm, attr, bt.In(x, w), y, rstd)
	dy := p.loss(y, rows, cols)
	attr.Accumulate = accumulate
	p.Emit(program.OpRMSNormGrad, attr, bt.In(x, w, rstd, dy), p.gradient(name, x, rows, cols))
	p.Emit(program.OpRMSNormWeightGrad, program.Attr{}, bt.In(x, rstd, dy), p.gradient("w+", w, 1, group))
}

func linearCase(p *problem) {
	x, w, bias, y := p.floats("x", 4, 5), p.floats("w", 3, 5), p.floats("bias", 1, 3), p.floats("y", 4, 3)
	p.Emit(program.OpLinear, program.Attr{Scale: 0.7, Accumulate: true}, bt.In(x, w, bias, bt.None, bt.None, bt.None), y)
	dy := p.loss(y, 4, 3)
	p.Emit(program.OpLinearGrad, program.Attr{Scale: 0.7, Accumulate: true}, bt.In(dy, w, bt.None, bt.None, bt.None), p.gradient("x+", x, 4, 5))
	p.Emit(program.OpBiasGrad, program.Attr{}, bt.In(dy), p.gradient("bias+", bias, 1, 3))
}

// loraCase is y = x·wᵀ + u·bᵀ, u = s·drop(x)·aᵀ, as lowering emits it.
func loraCase(p *problem, drop float32) {
	const rows, in, out, rank, scale = 4, 6, 5, 2, 0.5
	x, w, a, b := p.floats("x", rows, in), p.floats("w", out, in), p.floats("a", rank, in), p.floats("b", out, rank)
	u, du, y := p.floats("u", rows, rank), p.floats("du", rows, rank), p.floats("y", rows, out)
	index := p.integers("index", 0, 1, 2, 9)
	down := program.Attr{Scale: scale, Adapter: true, Dropout: program.Dropout{P: drop, Module: 11}}
	masked := program.Attr{Scale: 1, Dropout: down.Dropout}
	p.Emit(program.OpLinear, down, bt.In(x, a, bt.None, bt.None, bt.None, index), u)
	p.Emit(program.OpLinear, program.Attr{Scale: 1}, bt.In(x, w, bt.None, u, b, bt.None), y)
	dy := p.loss(y, rows, out)
	p.Emit(program.OpLinearGrad, program.Attr{Scale: scale}, bt.In(dy, b, bt.None, bt.None, bt.None), du)
	p.Emit(program.OpLinearWeightGrad, program.Attr{}, bt.In(dy, u, bt.None), p.gradient("b+", b, out, rank))
	p.Emit(program.OpLinearWeightGrad, program.Attr{Dropout: down.Dropout}, bt.In(du, x, index), p.gradient("a+", a, rank, in))
	p.Emit(program.OpLinearWeightGrad, program.Attr{}, bt.In(dy, x, bt.None), p.gradient("w+", w, out, in))
	p.Emit(program.OpLinearGrad, masked, bt.In(dy, w, du, a, index), p.gradient("x", x, rows, in))
}

func ropeCase(p *problem, pairs int, interleaved bool) {
	const rows, heads, headDim = 3, 2, 8
	x, y := p.floats("x", rows, heads*headDim), p.floats("y", rows, heads*headDim)
	positions, freq := p.integers("positions", 0, 3, 5), p.floats("invFreq", 1, pairs)
	attr := program.Attr{Scale: 1.2, Heads: heads, HeadDim: headDim, Interleaved: interleaved}
	p.Emit(program.OpRoPE, attr, bt.In(x, positions, freq), y)
	attr.Inverse = true
	p.Emit(program.OpRoPE, attr, bt.In(p.loss(y, rows, heads*headDim), positions, freq), p.gradient("x", x, rows, heads*headDim))
}

// attentionCase has documents of 5, 1 and 3 tokens.
func attentionCase(p *problem, attr program.Attr) {
	const rows, headDim = 9, 4
	attr.HeadDim, attr.Scale = headDim, 0.6
	first, last := p.integers("first", 0, 0, 0, 0, 0, 5, 6, 6, 6), p.integers("last", 4, 4, 4, 4, 4, 5, 8, 8, 8)
	wide, narrow := attr.Heads*headDim, attr.KVHeads*headDim
	q, k, v := p.floats("q", rows, wide), p.floats("k", rows, narrow), p.floats("v", rows, narrow)
	o, lse := p.floats("o", rows, wide), p.floats("lse", rows, attr.Heads)
	p.Emit(program.OpAttention, attr, bt.In(q, k, v, first, last), o, lse)
	p.Emit(program.OpAttentionGrad, attr, bt.In(q, k, v, o, lse, p.loss(o, rows, wide), first, last),
		p.gradient("q", q, rows, wide), p.gradient("k", k, rows, narrow), p.gradient("v", v, rows, narrow))
}

func gatedCase(p *problem, activation string) {
	a, b, y := p.floats("a", 3, 7), p.floats("b", 3, 7), p.floats("y", 3, 7)
	attr := program.Attr{Activation: activation}
	p.Emit(program.OpGated, attr, bt.In(a, b), y)
	p.Emit(program.OpGatedGrad, attr, bt.In(a, b, p.loss(y, 3, 7)), p.gradient("a", a, 3, 7), p.gradient("b", b, 3, 7))
}

// crossEntropyCase differentiates −Σ weight·InvN·logp, which the instruction
// itself fixes: the direction is computed as logp's factor −InvN·weight.
func crossEntropyCase(p *problem) {
	targets, weights, logits := p.integers("targets", 2, -1, 0, 4), p.floats("weights", 4, 1), p.floats("logits", 4, 5)
	copied, minusInvN, logp := p.floats("copied", 4, 5), p.floats("minusInvN", 1, 1), p.floats("logp", 4, 1)
	p.Emit(program.OpCopy, program.Attr{}, bt.In(logits), copied)
	p.Emit(program.OpCrossEntropy, program.Attr{}, bt.In(targets, weights), copied, logp)
	p.loss(logp, 4, 1)
	p.constant(minusInvN, -float64(p.scalars.InvN))
	p.Emit(program.OpLinear, program.Attr{Scale: 1}, bt.In(weights, minusInvN, bt.None, bt.None, bt.None, bt.None), p.dy)
	grad := p.gradient("logits", logits, 4, 5)
	p.Emit(program.OpCopy, program.Attr{}, bt.In(logits), grad)
	p.Emit(program.OpCrossEntropy, program.Attr{Gradient: true}, bt.In(targets, weights), grad, logp)
}

// magnitudeCase is DoRA's y = x∘(m/n) + bias.
func magnitudeCase(p *problem) {
	x, m, n, bias, y := p.floats("x", 4, 5), p.floats("m", 1, 5), p.floats("n", 1, 5), p.floats("bias", 1, 5), p.floats("y", 4, 5)
	p.constant(n, 0.8)
	attr := program.Attr{Offset: 1}
	p.Emit(program.OpMagnitude, attr, bt.In(x, m, n, bias), y)
	p.Emit(program.OpMagnitudeGrad, attr, bt.In(p.loss(y, 4, 5), x, m, n), p.gradient("x", x, 4, 5), p.gradient("m+", m, 1, 5))
}
