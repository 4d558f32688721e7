package reference

import "math"

// attention: o = softmax(cap(Scale·q·kᵀ))·v by head; lse = log Σ exp of the scores.
func attention[F Float](t *step[F]) {
	q, k, v, first, o, lse := t.factor(t.in[0]), t.factor(t.in[1]), t.factor(t.in[2]), t.in[3], t.out[0], t.out[1]
	for r := range q.rows {
		for h := range t.Heads {
			lse.set(r, h, t.attend(q, k, v, o, r, h, t.lowest(int(first.ints[r]), r), r))
		}
	}
}

// lowest is the first key that the query at position t sees.
func (t *step[F]) lowest(first, query int) int {
	if t.Window > 0 {
		return max(first, query-t.Window+1)
	}
	return first
}

// head is head h of row r.
func (t *step[F]) head(m matrix[F], r, h int) []F { return m.row(r)[h*t.HeadDim:][:t.HeadDim] }

// keyHead is the key and value head that query head h reads.
func (t *step[F]) keyHead(h int) int { return h * t.KVHeads / t.Heads }

// score is cap(Scale·q·k) and its derivative by the uncapped score.
func (t *step[F]) score(q, k []F) (score, slope float64) {
	s := float64(t.Scale) * dot(q, k)
	if t.SoftCap == 0 {
		return s, 1
	}
	th := math.Tanh(s / float64(t.SoftCap))
	return float64(t.SoftCap) * th, 1 - th*th
}

// attend writes head h of row r of o, over the keys from … to, and returns the
// log of the sum of exponentials.
func (t *step[F]) attend(q, k, v, o matrix[F], r, h, from, to int) float64 {
	kh := t.keyHead(h)
	scores := make([]float64, to+1-from)
	highest := math.Inf(-1)
	for i := range scores {
		scores[i], _ = t.score(t.head(q, r, h), t.head(k, from+i, kh))
		highest = max(highest, scores[i])
	}
	var sum float64
	for _, s := range scores {
		sum += math.Exp(s - highest)
	}
	for c := range t.HeadDim {
		var value float64
		for i, s := range scores {
			value += t.round(math.Exp(s-highest)) * float64(t.head(v, from+i, kh)[c])
		}
		o.set(r, h*t.HeadDim+c, value/sum)
	}
	return highest + math.Log(sum)
}

// attentionGrad (Dao, 2023, algorithm 2, with the cap's slope): p = exp(score − lse),
// dv += p·do, ds = p·(do·v − do·o)·slope, dq += Scale·ds·k, dk += Scale·ds·q.
func attentionGrad[F Float](t *step[F]) {
	q, k, v, o, lse, first := t.factor(t.in[0]), t.factor(t.in[1]), t.factor(t.in[2]), t.in[3], t.in[4], t.in[6]
	do := t.factor(t.in[5])
	dq, dk, dv := newAccumulator(t.out[0]), newAccumulator(t.out[1]), newAccumulator(t.out[2])
	for r := range q.rows {
		for h := range t.Heads {
			kh := t.keyHead(h)
			delta := dot(t.head(t.in[5], r, h), t.head(o, r, h))
			for s := t.lowest(int(first.ints[r]), r); s <= r; s++ {
				score, slope := t.score(t.head(q, r, h), t.head(k, s, kh))
				p := math.Exp(score - lse.at(r, h))
				ds := float64(t.Scale) * t.round(p*(dot(t.head(do, r, h), t.head(v, s, kh))-delta)*slope)
				p = t.round(p)
				for c := range t.HeadDim {
					dv.add(s, kh*t.HeadDim+c, p*do.at(r, h*t.HeadDim+c))
					dq.add(r, h*t.HeadDim+c, ds*k.at(s, kh*t.HeadDim+c))
					dk.add(s, kh*t.HeadDim+c, ds*q.at(r, h*t.HeadDim+c))
				}
			}
		}
	}
	dq.store()
	dk.store()
	dv.store()
}

// accumulator collects a matrix in float64 until it is stored.
type accumulator[F Float] struct {
	to     matrix[F]
	values []float64
}

func newAccumulator[F Float](to matrix[F]) *accumulator[F] {
	return &accumulator[F]{to, make([]float64, to.rows*to.cols)}
}

func (s *accumulator[F]) add(r, c int, v float64) { s.values[r*s.to.cols+c] += v }

func (s *accumulator[F]) store() {
	for i, v := range s.values {
		s.to.data[i] = F(v)
	}
}
