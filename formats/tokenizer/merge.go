package tokenizer

// symbol is a token in the making, linked with its neighbours.
type symbol struct{ id, size, prev, next int32 }

// pending is a merge that waits in the heap: key orders by rank, then place.
type pending struct {
	key uint64
	id  int32
}

func (w *worker) add(id int32, size int) {
	n := int32(len(w.symbols))
	if n > 0 {
		w.symbols[n-1].next = n
	}
	w.symbols = append(w.symbols, symbol{id: id, size: int32(size), prev: n - 1, next: -1})
}

// mergeAll merges the pair of lowest rank, leftmost first, until none is
// left: O(n log n) by a heap over a linked list. A merged symbol has size 0.
func (t *pairTable) mergeAll(w *worker) { t.mergeUntil(w, -1) }

// mergeUntil is mergeAll that stops before it makes the token last.
func (t *pairTable) mergeUntil(w *worker, last int32) {
	w.heap = w.heap[:0]
	s := w.symbols
	for i := 0; i+1 < len(s); i++ {
		t.propose(w, int32(i))
	}
	for len(w.heap) > 0 {
		top := w.pop()
		left := int32(uint32(top.key))
		right := s[left].next
		if s[left].size == 0 || right < 0 {
			continue
		}
		// An entry is stale when its pair has changed since.
		if e := t.find(s[left].id, s[right].id); e == nil || e.id != top.id {
			continue
		}
		if top.id == last {
			return
		}
		s[left].id = top.id
		s[left].size += s[right].size
		s[left].next = s[right].next
		s[right].size = 0
		if next := s[left].next; next >= 0 {
			s[next].prev = left
		}
		if prev := s[left].prev; prev >= 0 {
			t.propose(w, prev)
		}
		if s[left].next >= 0 {
			t.propose(w, left)
		}
	}
}

// propose puts the pair that begins at symbol i into the heap, if it merges.
func (t *pairTable) propose(w *worker, i int32) {
	s := w.symbols
	if e := t.find(s[i].id, s[s[i].next].id); e != nil {
		w.push(pending{uint64(e.rank)<<32 | uint64(uint32(i)), e.id})
	}
}

func (w *worker) push(p pending) {
	h := append(w.heap, p)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].key <= p.key {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = p
	w.heap = h
}

func (w *worker) pop() pending {
	h := w.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	w.heap = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].key < h[child].key {
			child++
		}
		if last.key <= h[child].key {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return top
}

// pairTable maps a pair of ids to its merge. It is an open-addressing hash
// table, because this look-up is most of the work of encoding.
type pairTable struct {
	entries []pairEntry
	shift   uint
}

type pairEntry struct {
	pair uint64 // left<<32 + right + 1, so that no pair is 0
	rank uint32
	id   int32
}

func newPairTable(n int) pairTable {
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	return pairTable{make([]pairEntry, 1<<bits), 64 - bits}
}

// slot returns where a pair is or would be.
func (t *pairTable) slot(left, right int32) (*pairEntry, uint64) {
	pair := uint64(uint32(left))<<32 | uint64(uint32(right)) + 1
	mask := uint64(len(t.entries) - 1)
	for i := pair * 0x9E3779B97F4A7C15 >> t.shift; ; i = (i + 1) & mask {
		if e := &t.entries[i]; e.pair == pair || e.pair == 0 {
			return e, pair
		}
	}
}

func (t *pairTable) put(left, right int32, rank uint32, id int32) {
	e, pair := t.slot(left, right)
	*e = pairEntry{pair, rank, id}
}

func (t *pairTable) find(left, right int32) *pairEntry {
	if e, _ := t.slot(left, right); e.pair != 0 {
		return e
	}
	return nil
}
