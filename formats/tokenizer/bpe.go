package tokenizer

import "unicode/utf8"

// bpe is a byte pair encoding model (Sennrich et al. 2016) with the
// variations that tokenizer.json knows.
type bpe struct {
	vocab
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

func (m *bpe) encode(w *worker, word string) ([]part, error) {
	if m.ignoreMerges {
		if id, ok := m.wholeWord(w, word); ok {
			w.parts = append(w.parts[:0], part{id, 0, int32(len(word))})
			return w.parts, nil
		}
	}
	w.symbols = w.symbols[:0]
	if m.byteLevel && m.prefix == "" && m.suffix == "" {
		m.splitBytes(w, word)
	} else {
		m.splitChars(w, word)
	}
	m.merges.mergeAll(w)
	w.parts = w.parts[:0]
	at := int32(0)
	for _, s := range w.symbols {
		if s.size != 0 {
			w.parts = append(w.parts, part{s.id, at, at + s.size})
			at += s.size
		}
	}
	return w.parts, nil
}

// local says that how a word is cut follows from its merges alone, so that a place
// over which nothing merges cuts it in two.
func (m *bpe) local() bool {
	return !m.byteLevel && !m.ignoreMerges && m.prefix == "" && m.suffix == ""
}

// wholeWord finds a word in the vocabulary.
func (m *bpe) wholeWord(w *worker, word string) (int32, bool) {
	if !m.byteLevel {
		id, ok := m.vocab[word]
		return id, ok
	}
	w.chars = appendByteChars(w.chars[:0], word)
	id, ok := m.vocab[string(w.chars)]
	return id, ok
}

// unknown collects characters that are not in the vocabulary. Without an unknown token they
// vanish, but the token before them covers their bytes, else the one behind: the offsets of
// the others stay right.
type unknown struct{ size int }

func (m *bpe) flush(w *worker, u *unknown) {
	if u.size > 0 && m.unk >= 0 {
		w.add(m.unk, u.size)
		u.size = 0
	}
}

// known adds the token of a character that is in the vocabulary.
func (m *bpe) known(w *worker, u *unknown, id int32, size int) {
	m.flush(w, u)
	w.add(id, u.size+size)
	u.size = 0
}

func (m *bpe) addUnknown(w *worker, u *unknown, size int) {
	if last := len(w.symbols) - 1; m.unk < 0 && last >= 0 {
		w.symbols[last].size += int32(size)
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
			m.known(w, &u, id, 1)
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
			m.known(w, &u, id, size)
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
	if !haveBytes(&m.bytes, char) {
		return false
	}
	for i := range len(char) {
		w.add(m.bytes[char[i]], 1)
	}
	return true
}
