package reference

import "fmt"

// cacheAppend: cache[Past+r, :] = x[r, :] for r < Tokens.
func cacheAppend[F Float](t *step[F]) error {
	x, cache := t.in[0], t.out[0]
	if err := t.cacheFits(x.rows, cache.rows); err != nil {
		return err
	}
	for r := range t.s.Tokens {
		copy(cache.row(t.s.Past+r), x.row(r))
	}
	return nil
}

func attentionCached[F Float](t *step[F]) error {
	q, k, v, o := t.in[0], t.in[1], t.in[2], t.out[0]
	if err := t.cacheFits(q.rows, k.rows); err != nil {
		return err
	}
	for r := range t.s.Tokens {
		position := t.s.Past + r
		for h := range t.Heads {
			t.attend(q, k, v, o, r, h, t.lowest(0, position), position)
		}
	}
	return nil
}

func (t *step[F]) cacheFits(rows, capacity int) error {
	if t.s.Past < 0 || t.s.Tokens < 0 || t.s.Tokens > rows || t.s.Past > capacity-t.s.Tokens {
		return fmt.Errorf("%d tokens of %d rows after %d do not fit a cache of %d tokens", t.s.Tokens, rows, t.s.Past, capacity)
	}
	return nil
}
