package backendtest

import (
	"math"
	"slices"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// pair is what a bound needs of query head h of row r and one key that it sees.
type pair struct {
	key   int // row
	q, k  int // first element of both heads
	p     float64
	score float64
	error float64 // of the score, absolute
	slope float64 // of the cap
}

// pairs computes the scores of one query head in float64 and the weights that
// they have among the visible keys.
func (c *Case) pairs(r, h int, p precision) []pair {
	d, q, k := c.Attr.HeadDim, c.In[0], c.In[1]
	from, to := c.visible(r)
	var all []pair
	highest := math.Inf(-1)
	for s := from; s <= to; s++ {
		x := pair{key: s, q: r*q.Cols + h*d, k: s*k.Cols + h*c.Attr.KVHeads/c.Attr.Heads*d, slope: 1}
		var magnitude float64
		for i := range d {
			term := float64(c.Attr.Scale) * float64(q.Floats[x.q+i]) * float64(k.Floats[x.k+i])
			x.score += term
			magnitude += math.Abs(term)
		}
		x.error = p.unit(d) * magnitude
		if limit := float64(c.Attr.SoftCap); limit > 0 {
			th := math.Tanh(x.score / limit)
			x.score, x.slope = limit*th, 1-th*th
		}
		x.error += 2 * float32Unit * (1 + math.Abs(x.score))
		highest = max(highest, x.score)
		all = append(all, x)
	}
	var sum float64
	for _, x := range all {
		sum += math.Exp(x.score - highest)
	}
	for i := range all {
		all[i].p = math.Exp(all[i].score-highest) / sum
	}
	return all
}

// visible are the rows of keys that the query of row r sees.
func (c *Case) visible(r int) (from, to int) {
	to = r
	if c.Op == program.OpAttentionCached {
		to = c.Scalars.Past + r
	} else if c.Op == program.OpAttentionGrad {
		from = int(c.In[6].Ints[r])
	} else {
		from = int(c.In[3].Ints[r])
	}
	if w := c.Attr.Window; w > 0 {
		from = max(from, to-w+1)
	}
	return from, to
}

// roundings are what rounding probabilities or their gradients to Attr.Compute
// may change: of each, so much and so much more. Backends round
// them in any scale, so that two may differ by both their errors; slack is in the bound already.
func (c *Case) roundings() (relative, absolute float64) {
	const smallest = 0x1p-126 // smaller ones may be 0
	switch c.Attr.Compute {
	case dtype.BF16:
		return 2 * 0x1p-8 / slack, smallest
	case dtype.F16:
		return 2 * 0x1p-11 / slack, 2 * 0x1p-25 / slack
	}
	return 0, smallest
}

// asFactors is the case with these inputs rounded to Attr.Compute.
func (c *Case) asFactors(inputs ...int) *Case {
	if c.Attr.Compute == dtype.Invalid {
		return c
	}
	rounded := *c
	rounded.In = slices.Clone(c.In)
	for _, i := range inputs {
		rounded.In[i].Floats = held(c.In[i], c.Attr.Compute).values()
	}
	return &rounded
}

// attentionBound: an error e of the scores changes a weight p by at most
// p·(e + max e), and o by that times |v|; lse by max e.
func (c *Case) attentionBound(o, lse []float64, p precision) [][]float64 {
	c = c.asFactors(0, 1, 2)
	d, v := c.Attr.HeadDim, c.In[2]
	relative, absolute := c.roundings()
	outO, outLSE := make([]float64, len(o)), make([]float64, len(lse))
	for r := range c.In[0].Rows {
		if c.Op == program.OpAttentionCached && r >= c.Scalars.Tokens {
			continue
		}
		for h := range c.Attr.Heads {
			pairs := c.pairs(r, h, p)
			var largest float64
			for _, x := range pairs {
				largest = max(largest, x.error)
			}
			for _, x := range pairs {
				for i := range d {
					outO[x.q+i] += abs(v.Floats[x.k+i]) * (x.p*(x.error+largest+p.unit(len(pairs))+relative) + absolute)
				}
			}
			if lse != nil {
				n := r*c.Attr.Heads + h
				outLSE[n] = largest + p.unit(len(pairs)) + abs(lse[n])*float32Unit
			}
		}
	}
	return [][]float64{outO, outLSE}
}

// attentionGradBound adds, over the pairs, the error of each term of
// dv = Σ p·do, dq = Σ Scale·ds·k, dk = Σ Scale·ds·q, ds = p·(do·v − do·o)·slope.
func (c *Case) attentionGradBound(p precision) [][]float64 {
	exact := c.In[5].Floats
	c = c.asFactors(0, 1, 2, 5)
	d, q, k, v, o, do := c.Attr.HeadDim, c.In[0].Floats, c.In[1].Floats, c.In[2].Floats, c.In[3].Floats, c.In[5].Floats
	dq, dk, dv := make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))
	terms := p.unit(c.In[0].Rows) // of a sum over rows
	relative, absolute := c.roundings()
	scale := abs(c.Attr.Scale)
	for r := range c.In[0].Rows {
		for h := range c.Attr.Heads {
			lse := float64(c.In[4].Floats[r*c.Attr.Heads+h])
			for _, x := range c.pairs(r, h, p) {
				var value, magnitude float64 // of do·v − do·o
				for i := range d {
					value += float64(do[x.q+i])*float64(v[x.k+i]) - float64(exact[x.q+i])*float64(o[x.q+i])
					magnitude += abs(do[x.q+i]) * (abs(v[x.k+i]) + abs(o[x.q+i]))
				}
				weight := x.error + math.Abs(lse)*float32Unit // relative error of p
				slope := 2 * float32Unit
				if c.Attr.SoftCap > 0 {
					slope += 2 * x.error / float64(c.Attr.SoftCap)
				}
				ds := scale * x.p * magnitude * (x.slope*(weight+p.unit(d)+terms) + slope)
				ds += scale*(x.p*abs(value)*x.slope*relative+absolute*(1+magnitude)) + absolute
				for i := range d {
					dv[x.k+i] += abs(do[x.q+i]) * (x.p*(weight+terms+relative) + absolute)
					dq[x.q+i] += ds * abs(k[x.k+i])
					dk[x.k+i] += ds * abs(q[x.q+i])
				}
			}
		}
	}
	return [][]float64{dq, dk, dv}
}
