package backendtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"github.com/loraedge/loraedge/core/program"
)

// Cases are all cases of an instruction, with the same inputs in every run.
func Cases(op program.Op) []Case {
	h := fnv.New64()
	h.Write([]byte(op.String()))
	g := &generator{Source: NewSource(h.Sum64()), op: op}
	if cases := makers[op]; cases != nil {
		cases(g)
	}
	return g.cases
}

var makers = map[program.Op]func(*generator){
	program.OpEmbed:             also(embedCases, embedTypeCases),
	program.OpEmbedGrad:         embedGradCases,
	program.OpRMSNorm:           normCases,
	program.OpRMSNormGrad:       normGradCases,
	program.OpRMSNormWeightGrad: normWeightGradCases,
	program.OpLinear:            also(linearCases, linearTypeCases),
	program.OpLinearGrad:        also(linearGradCases, linearGradTypeCases),
	program.OpLinearWeightGrad:  also(linearWeightGradCases, linearWeightGradTypeCases),
	program.OpBiasGrad:          biasGradCases,
	program.OpRoPE:              ropeCases,
	program.OpAttention:         attentionCases,
	program.OpAttentionGrad:     attentionGradCases,
	program.OpCacheAppend:       cacheAppendCases,
	program.OpAttentionCached:   attentionCachedCases,
	program.OpGated:             gatedCases,
	program.OpGatedGrad:         gatedCases,
	program.OpAdd:               elementCases,
	program.OpCopy:              elementCases,
	program.OpZero:              elementCases,
	program.OpCrossEntropy:      crossEntropyCases,
	program.OpGradNorm:          gradNormCases,
	program.OpAdamW:             adamWCases,
	program.OpAdamW8:            adamW8Cases,
	program.OpSGD:               sgdCases,
	program.OpNoise:             noiseCases,
	program.OpDrop:              dropCases,
	program.OpWeightNorm:        weightNormCases,
	program.OpMagnitude:         magnitudeCases,
	program.OpMagnitudeGrad:     magnitudeGradCases,
}

// also is several makers in turn.
func also(makers ...func(*generator)) func(*generator) {
	return func(g *generator) {
		for _, m := range makers {
			m(g)
		}
	}
}

// generator collects the cases of one instruction.
type generator struct {
	Source
	op    program.Op
	cases []Case
}

// scalars of every case that does not say otherwise.
func scalars() program.Scalars {
	return program.Scalars{Seed: 0x1234_5678_9abc_def0, DropoutStep: 17, Training: true, Adapter: 1, InvN: 0.125}
}

func (g *generator) add(name string, attr program.Attr, in, out []Operand) *Case {
	g.cases = append(g.cases, Case{Name: name, Op: g.op, Attr: attr, In: in, Out: out, Scalars: scalars()})
	return &g.cases[len(g.cases)-1]
}

func list(o ...Operand) []Operand { return o }

// normal is a random matrix.
func (g *generator) normal(rows, cols int) Operand {
	return Operand{Rows: rows, Cols: cols, Floats: g.Normal(rows*cols, 1)}
}

// fresh is an output that must be replaced whole.
func fresh(rows, cols int) Operand { return Operand{Rows: rows, Cols: cols} }

func ints(values []int32) Operand { return Operand{Rows: len(values), Cols: 1, Ints: values} }

// upTo is n random integers below limit.
func (g *generator) upTo(n, limit int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(g.IntN(limit))
	}
	return x
}

// amid puts rows before and after every operand that is there.
func (g *generator) amid(operands []Operand) []Operand {
	for i := range operands {
		if !operands[i].Absent() {
			operands[i].Before, operands[i].After = 1+g.IntN(4), 1+g.IntN(3)
		}
	}
	return operands
}

// elements are shapes for instructions that work on each element alone.
var elements = [][2]int{{1, 1}, {1, 7}, {3, 16}, {5, 33}, {17, 64}, {2, 1000}, {130, 9}}

func elementCases(g *generator) {
	for _, s := range elements {
		r, c := s[0], s[1]
		name := fmt.Sprintf("%dx%d", r, c)
		switch g.op {
		case program.OpAdd:
			g.add(name, program.Attr{}, list(g.normal(r, c), g.normal(r, c)), list(fresh(r, c)))
			g.add(name+"/in_place", program.Attr{}, list(g.normal(r, c), g.normal(r, c)), list(Operand{Rows: r, Cols: c, InPlace: 1}))
			g.add(name+"/view", program.Attr{}, g.amid(list(g.normal(r, c), g.normal(r, c))), g.amid(list(fresh(r, c))))
		case program.OpCopy:
			g.add(name, program.Attr{}, list(g.normal(r, c)), list(fresh(r, c)))
			g.add(name+"/view", program.Attr{}, g.amid(list(g.normal(r, c))), g.amid(list(fresh(r, c))))
		default:
			g.add(name, program.Attr{}, nil, list(fresh(r, c)))
			g.add(name+"/view", program.Attr{}, nil, g.amid(list(g.normal(r, c))))
		}
	}
}

func gatedCases(g *generator) {
	for _, act := range []string{"silu", "gelu", "gelu_tanh"} {
		attr := program.Attr{Activation: act}
		for _, s := range elements {
			r, c := s[0], s[1]
			wide := Operand{Rows: r, Cols: c, Floats: g.Normal(r*c, 4)} // into the flat parts of the activation
			in, out := list(wide, g.normal(r, c)), list(fresh(r, c))
			if g.op == program.OpGatedGrad {
				in, out = append(in, g.normal(r, c)), append(out, fresh(r, c))
			}
			g.add(fmt.Sprintf("%s/%dx%d", act, r, c), attr, in, out)
			g.add(fmt.Sprintf("%s/%dx%d/view", act, r, c), attr, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
		}
		far := Operand{Rows: 1, Cols: 8, Floats: []float32{-1000, -90, -20, 0, 1e-30, 20, 90, 1000}}
		in, out := list(far, g.normal(1, 8)), list(fresh(1, 8))
		if g.op == program.OpGatedGrad {
			in, out = append(in, g.normal(1, 8)), append(out, fresh(1, 8))
		}
		g.add(act+"/far", attr, in, out)
	}
}

func embedCases(g *generator) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 5, 7}, {9, 4, 16}, {33, 100, 65}, {3, 17, 576}} {
		r, v, c := s[0], s[1], s[2]
		in := list(ints(g.upTo(r, v)), g.normal(v, c))
		name := fmt.Sprintf("%dx%d_of_%d", r, c, v)
		g.add(name, program.Attr{Scale: 1}, in, list(fresh(r, c)))
		g.add(name+"/scale/view", program.Attr{Scale: 22.6}, g.amid(slices.Clone(in)), g.amid(list(fresh(r, c))))
	}
}

func embedGradCases(g *generator) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 5, 7}, {9, 4, 16}, {33, 100, 65}, {70, 2, 576}} {
		r, v, c := s[0], s[1], s[2]
		ids := g.upTo(r, v)
		order := make([]int32, r)
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return int(ids[a] - ids[b]) })
		in := list(ints(ids), ints(order), g.normal(r, c))
		name := fmt.Sprintf("%dx%d_of_%d", r, c, v)
		g.add(name, program.Attr{Scale: 1}, in, list(g.normal(v, c)))
		g.add(name+"/scale/view", program.Attr{Scale: 0.3}, g.amid(slices.Clone(in)), g.amid(list(g.normal(v, c))))
	}
}

func crossEntropyCases(g *generator) {
	for _, s := range [][2]int{{1, 2}, {1, 17}, {5, 64}, {33, 1001}, {4, 32003}} {
		r, v := s[0], s[1]
		targets := g.upTo(r, v)
		for i := range targets {
			if i%3 == 1 {
				targets[i] = -1
			}
		}
		weights := g.normal(r, 1) // signed, as preference losses have them
		for _, scale := range []float64{1, 30} {
			logits := Operand{Rows: r, Cols: v, Floats: g.Normal(r*v, scale)}
			name := fmt.Sprintf("%dx%d/scale_%g", r, v, scale)
			in, out := list(ints(targets), weights), list(logits, fresh(r, 1))
			g.add(name, program.Attr{}, in, out)
			g.add(name+"/gradient", program.Attr{Gradient: true}, in, out)
			c := g.add(name+"/gradient/view", program.Attr{Gradient: true}, g.amid(slices.Clone(in)), g.amid(slices.Clone(out)))
			c.Scalars.LossScale = 1024
		}
	}
}

func gradNormCases(g *generator) {
	for _, n := range []int{1, 255, 256, 4097, 100_003} {
		g.add(fmt.Sprint(n), program.Attr{}, list(g.normal(1, n)), list(g.normal(1, 4)))
	}
	scaled := g.add("scaled", program.Attr{}, list(g.normal(1, 1000)), list(g.normal(1, 4)))
	scaled.Scalars.LossScale = 1024
	tiny := Operand{Rows: 1, Cols: 1024, Floats: g.Normal(1024, 1e-25)} // squares below float32's smallest
	g.add("tiny", program.Attr{}, list(tiny), list(g.normal(1, 4)))
	huge := Operand{Rows: 1, Cols: 1024, Floats: g.Normal(1024, 1e25)}
	g.add("huge", program.Attr{}, list(huge), list(g.normal(1, 4)))
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		bad := g.normal(1, 300)
		bad.Floats[271] = float32(v)
		g.add(fmt.Sprint(v), program.Attr{}, list(bad), list(g.normal(1, 4)))
	}
}

func adamWCases(g *generator) {
	for _, s := range updates {
		const n = 1024
		squares := g.normal(1, n)
		for i, v := range squares.Floats {
			squares.Floats[i] = v * v
		}
		attr := program.Attr{Ranges: []program.Range{
			{Name: "a", Offset: 0, Len: 250, Decay: 1, Rate: 1},
			{Name: "b", Offset: 256, Len: 3, Decay: 0, Rate: 16},
			{Name: "c", Offset: 512, Len: 500, Decay: 0.5, Rate: 0.1},
		}}
		optimizer := Operand{Rows: 1, Cols: 4, Floats: []float32{s.norm, s.steps, 2, 0}}
		moment := g.normal(1, n)
		if s.steps == 0 {
			clear(moment.Floats)
			clear(squares.Floats)
		}
		c := g.add(s.name, attr, list(s.grads(g, n)), list(g.normal(1, n), moment, squares, optimizer))
		c.Scalars.LossScale = s.scale
		c.Scalars.LearningRate, c.Scalars.Beta1, c.Scalars.Beta2 = 2e-3, 0.9, 0.999
		c.Scalars.Epsilon, c.Scalars.WeightDecay, c.Scalars.MaxNorm = 1e-8, 0.1, s.max
	}
}
