package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// wordPiece is BERT's model (Schuster and Nakajima 2012): the longest piece that
// a word begins with, then the longest that goes on, and so forth; a word that
// does not come out even is unknown as a whole.
type wordPiece struct {
	vocab
	unk     string
	prefix  string // of pieces inside a word
	maxWord int    // characters; a longer word is unknown
	// first and inner hold the pieces that begin a word and those that continue
	// one, less their prefix.
	first, inner *trie
}

func parseWordPiece(n node) (model, error) {
	m := &wordPiece{first: newTrie(), inner: newTrie()}
	var err error
	if m.vocab, err = parseVocab(n.at("vocab")); err != nil {
		return nil, err
	}
	if m.unk, err = n.strOr("unk_token", "[UNK]"); err != nil {
		return nil, err
	}
	if m.prefix, err = n.strOr("continuing_subword_prefix", "##"); err != nil {
		return nil, err
	}
	if m.maxWord, err = n.intOr("max_input_chars_per_word", 100); err != nil {
		return nil, err
	}
	for token, id := range m.vocab {
		if err := m.first.add(token, id); err != nil {
			return nil, n.at("vocab").errorf("%w", err)
		}
		if len(token) > len(m.prefix) && token[:len(m.prefix)] == m.prefix {
			if err := m.inner.add(token[len(m.prefix):], id); err != nil {
				return nil, n.at("vocab").errorf("%w", err)
			}
		}
	}
	return m, nil
}

func (m *wordPiece) encode(w *worker, word string) ([]part, error) {
	w.parts = w.parts[:0]
	bad := utf8.RuneCountInString(word) > m.maxWord
	for start := 0; start < len(word) && !bad; {
		from := m.inner
		if start == 0 {
			from = m.first
		}
		id, n := from.longest(word[start:])
		w.parts = append(w.parts, part{id, int32(start), int32(start + n)})
		start += n
		bad = n == 0
	}
	if !bad {
		return w.parts, nil
	}
	return m.unknown(w, word, m.unk)
}

// wordLevel has a token for every word that it knows.
type wordLevel struct {
	vocab
	unk string
}

func parseWordLevel(n node) (model, error) {
	m := &wordLevel{}
	var err error
	if m.vocab, err = parseVocab(n.at("vocab")); err != nil {
		return nil, err
	}
	m.unk, err = n.strOr("unk_token", "<unk>")
	return m, err
}

func (m *wordLevel) encode(w *worker, word string) ([]part, error) {
	if id, ok := m.vocab[word]; ok {
		w.parts = append(w.parts[:0], part{id, 0, int32(len(word))})
		return w.parts, nil
	}
	return m.unknown(w, word, m.unk)
}

// vocab maps tokens to ids.
type vocab map[string]int32

func parseVocab(n node) (vocab, error) {
	var v vocab
	if err := n.decode(&v, "an object of token ids"); err != nil {
		return nil, err
	}
	for token, id := range v {
		if id < 0 || id > maxID {
			return nil, n.errorf("token %q has the id %d, want 0 to %d", token, id, maxID)
		}
	}
	return v, nil
}

func (v vocab) lookup(token string) (int32, bool) {
	id, ok := v[token]
	return id, ok
}

func (v vocab) idOr(token string, fallback int32) int32 {
	if id, ok := v[token]; ok {
		return id
	}
	return fallback
}

func (v vocab) tokens(yield func(id int32, token string)) {
	for token, id := range v {
		yield(id, token)
	}
}

// unknown makes a word one token, unk.
func (v vocab) unknown(w *worker, word, unk string) ([]part, error) {
	id, ok := v[unk]
	if !ok {
		return nil, fmt.Errorf("the word %q is not in the vocabulary, nor is the unknown token %q (model.unk_token)", clip([]byte(word)), unk)
	}
	w.parts = append(w.parts[:0], part{id, 0, int32(len(word))})
	return w.parts, nil
}
