package tokenizer

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// spmBPE is SentencePiece's form of byte pair encoding: there are no merges; two
// neighbours join where the piece that they make is in the vocabulary, the
// one of the highest score first.
type spmBPE struct {
	vocab
	// merges has every pair of symbols that makes a piece. A symbol is a piece's id,
	// or the number of a character that is part of pieces and none itself.
	merges  pairTable
	symbols map[string]int32
	literal *trie // user-defined pieces: found first, never merged
	unk     int32
	bytes   *[256]int32 // nil: no byte fallback
	// unused says what comes in the place of a piece that is marked as unused.
	unused map[int32][]part
}

const (
	frozen  = 1 << 30 // added to the symbols of user-defined pieces
	nothing = -1      // a character that is in no piece
)

func (f *spmFile) bpe(pieces []string, literal *trie) *spmBPE {
	m := &spmBPE{vocab: make(vocab, len(pieces)), symbols: make(map[string]int32, len(pieces)), literal: literal, unk: f.unk}
	var merging []int32
	for i, p := range f.pieces {
		m.vocab[p.text] = int32(i)
		if p.kind == pieceNormal || p.kind == pieceUserDefined || p.kind == pieceUnused {
			m.symbols[p.text] = int32(i)
			merging = append(merging, int32(i))
		}
	}
	next := int32(len(pieces))
	for _, id := range merging {
		for i, r := range pieces[id] {
			char := pieces[id][i : i+utf8.RuneLen(r)]
			if _, known := m.symbols[char]; !known {
				m.symbols[char] = next
				next++
			}
		}
	}
	m.addMerges(f, merging)
	m.expandUnused(f)
	if f.byteFallback {
		m.bytes = findBytes(m.vocab)
	}
	return m
}

// addMerges lists the pairs that make a piece. Pieces of one score are merged
// from left to right, so they have one rank.
func (m *spmBPE) addMerges(f *spmFile, merging []int32) {
	slices.SortStableFunc(merging, func(a, b int32) int { return cmp.Compare(f.pieces[b].score, f.pieces[a].score) })
	m.merges = newPairTable(4 * len(merging))
	rank := uint32(0)
	for i, id := range merging {
		if i > 0 && f.pieces[id].score != f.pieces[merging[i-1]].score {
			rank++
		}
		piece := f.pieces[id].text
		for at := range piece {
			left, ok := m.symbols[piece[:at]]
			if !ok {
				continue
			}
			if right, ok := m.symbols[piece[at:]]; ok {
				m.merges.put(left, right, rank, id)
			}
		}
	}
}

// expandUnused takes unused pieces apart: into the two that would have merged
// last, and those likewise.
func (m *spmBPE) expandUnused(f *spmFile) {
	m.unused = map[int32][]part{}
	w := newWorker()
	var expand func(piece string) []part
	expand = func(piece string) []part {
		id := m.symbols[piece]
		if int(id) >= len(f.pieces) || f.pieces[id].kind != pieceUnused {
			return []part{{id, 0, int32(len(piece))}}
		}
		w.symbols = w.symbols[:0]
		m.addText(w, piece)
		m.merges.mergeUntil(w, id)
		var all []part
		at := int32(0)
		for _, s := range w.symbols {
			if s.size > 0 && s.size < int32(len(piece)) {
				all = append(all, part{s.id, at, at + s.size})
			}
			at += s.size
		}
		var out []part
		for _, p := range all {
			for _, q := range expand(piece[p.start:p.end]) {
				out = append(out, part{q.id, p.start + q.start, p.start + q.end})
			}
		}
		return out
	}
	for i, p := range f.pieces {
		if p.kind != pieceUnused {
			continue
		}
		if parts := expand(p.text); len(parts) > 0 {
			m.unused[int32(i)] = parts
		}
	}
}

func (m *spmBPE) encode(w *worker, word string) ([]part, error) {
	w.symbols = w.symbols[:0]
	for rest := word; rest != ""; {
		if id, n := m.literal.longest(rest); n > 0 {
			w.add(id+frozen, n)
			rest = rest[n:]
			continue
		}
		_, n := utf8.DecodeRuneInString(rest)
		m.addText(w, rest[:n])
		rest = rest[n:]
	}
	m.merges.mergeAll(w)
	w.parts = w.parts[:0]
	at := int32(0)
	for _, s := range w.symbols {
		if s.size == 0 {
			continue
		}
		id := s.id
		if id >= frozen {
			id -= frozen
		}
		m.emit(w, word, part{id, at, at + s.size})
		at += s.size
	}
	return w.parts, nil
}

// addText adds the characters of s as symbols.
func (m *spmBPE) addText(w *worker, s string) {
	for i, r := range s {
		n := utf8.RuneLen(r)
		id, ok := m.symbols[s[i:i+n]]
		if !ok {
			id = nothing
		}
		w.add(id, n)
	}
}

// emit makes a symbol tokens of the vocabulary.
func (m *spmBPE) emit(w *worker, word string, p part) {
	parts, unused := m.unused[p.id]
	switch {
	case p.id == nothing || int(p.id) >= len(m.vocab):
		m.emitUnknown(w, word, p)
	case unused:
		for _, q := range parts {
			m.emit(w, word, part{q.id, p.start + q.start, p.start + q.end})
		}
	default:
		w.parts = append(w.parts, p)
	}
}

// emitUnknown makes a run of unknown characters one token, or one a byte.
func (m *spmBPE) emitUnknown(w *worker, word string, p part) {
	if m.bytes != nil && haveBytes(m.bytes, word[p.start:p.end]) {
		for i := p.start; i < p.end; i++ {
			w.parts = append(w.parts, part{m.bytes[word[i]], p.start, p.end})
		}
		return
	}
	if n := len(w.parts); n > 0 && w.parts[n-1].id == m.unk {
		w.parts[n-1].end = p.end
		return
	}
	w.parts = append(w.parts, part{m.unk, p.start, p.end})
}
