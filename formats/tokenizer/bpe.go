package tokenizer

import (
	"unicode/utf8"
)

// bpe is a byte pair encoding model (Sennrich et al. 2016) with the
// variations that tokenizer.json knows.
type bpe struct {
	vocab  map[string]int32
	merges pairTable
	// bytes holds, for a byte-level model, the id of each byte's character,
	// and with byte fallback the id of `<0xNN>`; -1 where there is none.
	bytes        [256]int32
	byteLevel    bool
	byteFallback bool
	unk          int32 // -1: characters outside the vocabulary vanish
	fuseUnk      bool
	ignoreMerges bool
	prefix       string // continuing_subword_prefix
	suffix       string // end_of_word_suffix
}

// part is one token of a word: its id and how many bytes of the word it covers.
type part struct{ id, size int32 }

// symbol is a token in the making, linked with its neighbours.
type symbol struct{ id, size, prev, next int32 }

// pending is a merge that waits in the heap: key orders by rank, then place.
type pending struct {
	key uint64
	id  int32
}

const (
	maxCachedWord  = 256     // bytes; a longer word hardly comes again
	maxCachedWords = 1 << 16 // then the cache starts afresh
)

// worker holds what one goroutine needs to encode: a cache of words and
// buffers. Workers are kept between calls (see Tokenizer.borrow).
type worker struct {
	words   map[string][]part
	arena   []part
	symbols []symbol
	heap    []pending
	chars   []byte
	parts   []part
}

func newWorker() *worker { return &worker{words: map[string][]part{}} }

// encode returns the tokens of one word. The result is valid until the next call.
func (m *bpe) encode(w *worker, word string) []part {
	if len(word) >= maxCachedWord {
		return m.encodeNew(w, word)
	}
	if parts, ok := w.words[word]; ok {
		return parts
	}
	parts := m.encodeNew(w, word)
	if len(w.words) >= maxCachedWords {
		clear(w.words)
		w.arena = nil
	}
	if cap(w.arena)-len(w.arena) < len(parts) {
		w.arena = make([]part, 0, 4096)
	}
	start := len(w.arena)
	w.arena = append(w.arena, parts...)
	kept := w.arena[start:len(w.arena):len(w.arena)]
	// The word may be a slice of a large input, which the cache must not hold.
	w.words[string([]byte(word))] = kept
	return kept
}

func (m *bpe) encodeNew(w *worker, word string) []part {
	if m.ignoreMerges {
		if id, ok := m.lookup(w, word); ok {
			w.parts = append(w.parts[:0], part{id, int32(len(word))})
			return w.parts
		}
	}
	w.symbols = w.symbols[:0]
	if m.byteLevel && m.prefix == "" && m.suffix == "" {
		m.splitBytes(w, word)
	} else {
		m.splitChars(w, word)
	}
	m.mergeAll(w)
	w.parts = w.parts[:0]
	for _, s := range w.symbols {
		if s.size != 0 {
			w.parts = append(w.parts, part{s.id, s.size})
		}
	}
	return w.parts
}

// lookup finds a whole word in the vocabulary.
func (m *bpe) lookup(w *worker, word string) (int32, bool) {
	if !m.byteLevel {
		id, ok := m.vocab[word]
		return id, ok
	}
	w.chars = appendByteChars(w.chars[:0], word)
	id, ok := m.vocab[string(w.chars)]
	return id, ok
}

func (w *worker) add(id int32, size int) {
	n := int32(len(w.symbols))
	if n > 0 {
		w.symbols[n-1].next = n
	}
	w.symbols = append(w.symbols, symbol{id: id, size: int32(size), prev: n - 1, next: -1})
}

// unknown collects characters that are not in the vocabulary.
type unknown struct{ size int }

func (m *bpe) flush(w *worker, u *unknown) {
	if u.size > 0 {
		w.add(m.unk, u.size)
		u.size = 0
	}
}

func (m *bpe) addUnknown(w *worker, u *unknown, size int) {
	if m.unk < 0 {
		return
	}
	if !m.fuseUnk {
		m.flush(w, u)
	}
	u.size += size
}

func (m *bpe) splitBytes(w *worker, word string) {
	var u unknown
	for i := range len(word) {
		if id := m.bytes[word[i]]; id >= 0 {
			m.flush(w, &u)
			w.add(id, 1)
			continue
		}
		m.addUnknown(w, &u, 1)
	}
	m.flush(w, &u)
}

func (m *bpe) splitChars(w *worker, word string) {
	if m.byteLevel {
		word = string(appendByteChars(nil, word))
	}
	var u unknown
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+n]
		key := char
		if i > 0 && m.prefix != "" {
			key = m.prefix + key
		}
		if i+n == len(word) && m.suffix != "" {
			key += m.suffix
		}
		i += n
		size := n
		if m.byteLevel {
			size = 1
		}
		if id, ok := m.vocab[key]; ok {
			m.flush(w, &u)
			w.add(id, size)
			continue
		}
		// The library leaves characters that wait to become the unknown token
		// waiting here; so the order is its own.
		if m.byteFallback && m.addFallback(w, key) {
			continue
		}
		m.addUnknown(w, &u, size)
	}
	m.flush(w, &u)
}

// addFallback writes char as its bytes, if the vocabulary has all of them.
func (m *bpe) addFallback(w *worker, char string) bool {
	for i := range len(char) {
		if m.bytes[char[i]] < 0 {
			return false
		}
	}
	for i := range len(char) {
		w.add(m.bytes[char[i]], 1)
	}
	return true
}

// mergeAll merges the pair of lowest rank, leftmost first, until none is
// left: O(n log n) by a heap over a linked list. A merged symbol has size 0.
func (m *bpe) mergeAll(w *worker) {
	w.heap = w.heap[:0]
	s := w.symbols
	for i := 0; i+1 < len(s); i++ {
		m.propose(w, int32(i))
	}
	for len(w.heap) > 0 {
		top := w.pop()
		left := int32(uint32(top.key))
		right := s[left].next
		if s[left].size == 0 || right < 0 {
			continue
		}
		// An entry is stale when its pair has changed since.
		if e := m.merges.find(s[left].id, s[right].id); e == nil || e.id != top.id {
			continue
		}
		s[left].id = top.id
		s[left].size += s[right].size
		s[left].next = s[right].next
		s[right].size = 0
		if next := s[left].next; next >= 0 {
			s[next].prev = left
		}
		if prev := s[left].prev; prev >= 0 {
			m.propose(w, prev)
		}
		if s[left].next >= 0 {
			m.propose(w, left)
		}
	}
}

// propose puts the pair that begins at symbol i into the heap, if it merges.
func (m *bpe) propose(w *worker, i int32) {
	s := w.symbols
	if e := m.merges.find(s[i].id, s[s[i].next].id); e != nil {
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
