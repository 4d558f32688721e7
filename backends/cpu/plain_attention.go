//go:build !cgo

package cpu

import "math"

// head is head h of row r.
func (t *turn) head(m operand, r, h int) []float32 { return m.row(r)[h*t.HeadDim:][:t.HeadDim] }

func (t *turn) lowest(first, query int) int {
	if t.Window > 0 {
		return max(first, query-t.Window+1)
	}
	return first
}

// score is cap(Scale·q·k) and its slope.
func (t *turn) score(q, k []float32) (score, slope float32) {
	s := t.Scale * dot(q, k)
	if t.SoftCap == 0 {
		return s, 1
	}
	th := float32(math.Tanh(float64(s / t.SoftCap)))
	return t.SoftCap * th, 1 - th*th
}

// attend writes head h of row r of o over keys from … to and returns the log
// of the sum of exponentials.
func (t *turn) attend(q, k, v, o operand, r, h, from, to int) float32 {
	kh := h * t.KVHeads / t.Heads
	scores := make([]float32, to+1-from)
	highest := float32(math.Inf(-1))
	for i := range scores {
		scores[i], _ = t.score(t.head(q, r, h), t.head(k, from+i, kh))
		highest = max(highest, scores[i])
	}
	out := t.head(o, r, h)
	clear(out)
	var sum float32
	for i, s := range scores {
		p := exp(s - highest)
		sum += p
		addScaled(out, t.head(v, from+i, kh), p)
	}
	for i := range out {
		out[i] /= sum
	}
	return highest + float32(math.Log(float64(sum)))
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func (t *turn) attention() {
	q, k, v, first, o, lse := t.in[0], t.in[1], t.in[2], t.in[3], t.out[0], t.out[1]
	t.rows(q.rows, func(r int) {
		for h := range t.Heads {
			lse.row(r)[h] = t.attend(q, k, v, o, r, h, t.lowest(int(first.i[r]), r), r)
		}
	})
}

// attentionGrad sums dq over keys, then dk and dv over queries and the heads
// of the key head, each row by one task.
func (t *turn) attentionGrad() {
	q, k, v, o, lse, do, first, last := t.in[0], t.in[1], t.in[2], t.in[3], t.in[4], t.in[5], t.in[6], t.in[7]
	dq, dk, dv := t.out[0], t.out[1], t.out[2]
	delta := operand{f: make([]float32, q.rows*t.Heads), rows: q.rows, cols: t.Heads}
	// pair is the probability of key s for query r, and the gradient of their score.
	pair := func(r, h, s int) (p, ds float32) {
		kh := h * t.KVHeads / t.Heads
		score, slope := t.score(t.head(q, r, h), t.head(k, s, kh))
		p = exp(score - lse.row(r)[h])
		return p, p * (dot(t.head(do, r, h), t.head(v, s, kh)) - delta.row(r)[h]) * slope * t.Scale
	}
	t.rows(q.rows, func(r int) {
		for h := range t.Heads {
			delta.row(r)[h] = dot(t.head(do, r, h), t.head(o, r, h))
			to := t.head(dq, r, h)
			clear(to)
			for s := t.lowest(int(first.i[r]), r); s <= r; s++ {
				_, ds := pair(r, h, s)
				addScaled(to, t.head(k, s, h*t.KVHeads/t.Heads), ds)
			}
		}
	})
	t.rows(k.rows, func(s int) {
		clear(dk.row(s))
		clear(dv.row(s))
		for r := s; r <= int(last.i[s]); r++ {
			if t.lowest(int(first.i[r]), r) > s {
				continue
			}
			for h := range t.Heads {
				kh := h * t.KVHeads / t.Heads
				p, ds := pair(r, h, s)
				addScaled(t.head(dv, s, kh), t.head(do, r, h), p)
				addScaled(t.head(dk, s, kh), t.head(q, r, h), ds)
			}
		}
	})
}

func (t *turn) cacheAppend() {
	x, cache := t.in[0], t.out[0]
	copy(cache.f[t.s.Past*cache.cols:], x.f[:t.s.Tokens*x.cols])
}

func (t *turn) attentionCached() {
	q, k, v, o := t.in[0], t.in[1], t.in[2], t.out[0]
	t.parallel(t.s.Tokens*t.Heads, func(i int) {
		r, h := i/t.Heads, i%t.Heads
		position := t.s.Past + r
		t.attend(q, k, v, o, r, h, t.lowest(0, position), position)
	})
}
