package reference

// cacheAppend: cache[Past+r, :] = x[r, :] for r < Tokens.
func cacheAppend[F Float](t *step[F]) {
	x, cache := t.in[0], t.out[0]
	for r := range t.s.Tokens {
		copy(cache.row(t.s.Past+r), x.row(r))
	}
}

func attentionCached[F Float](t *step[F]) {
	q, k, v, o := t.in[0], t.in[1], t.in[2], t.out[0]
	for r := range t.s.Tokens {
		position := t.s.Past + r
		for h := range t.Heads {
			t.attend(q, k, v, o, r, h, t.lowest(0, position), position)
		}
	}
}
