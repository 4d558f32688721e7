package tokenizer

import (
	"fmt"
	"slices"
)

// maxID bounds token ids, so that a malformed file cannot ask for the memory of
// a vocabulary that no model has.
const maxID = 1 << 22

// maxTokenBytes bounds tokens of files that list no merges: all ways to cut a token in
// two are looked at.
const maxTokenBytes = 1024

// model turns words into tokens.
type model interface {
	// encode returns the tokens of one word. The result is valid until the next call.
	encode(w *worker, word string) ([]part, error)
	// lookup finds a token by its text.
	lookup(token string) (int32, bool)
	// tokens lists the vocabulary, in any order.
	tokens(yield func(id int32, token string))
}

// part is one token of a word: its id, and which bytes of the word it covers.
type part struct{ id, start, end int32 }

// modelKind is the type of the section "model".
func modelKind(n node) (string, error) {
	if n.at("type").null() {
		return guessModel(n), nil
	}
	return n.str("type")
}

// guessModel knows the model of a file from before they said it.
func guessModel(n node) string {
	has := func(key string) bool { return !n.at(key).null() }
	switch {
	case has("merges"):
		return "BPE"
	case has("vocab") && n.at("vocab").raw[0] == '[':
		return "Unigram"
	case has("max_input_chars_per_word"):
		return "WordPiece"
	case has("vocab") && has("unk_token"):
		return "WordLevel"
	}
	return "BPE"
}

// parseModel reads the section "model". With byteLevel, words come as plain text and
// the vocabulary, which is a BPE one, is written in GPT-2's byte alphabet.
func parseModel(n node, kind string, byteLevel bool) (model, error) {
	switch kind {
	case "BPE":
		return parseBPE(n, byteLevel)
	case "Unigram":
		return parseUnigram(n)
	case "WordPiece":
		return parseWordPiece(n)
	case "WordLevel":
		return parseWordLevel(n)
	}
	return nil, n.unsupported("model", kind)
}

// findBytes looks up the tokens `<0xNN>`; -1 stands for one that is not there.
func findBytes(ids map[string]int32) *[256]int32 {
	var found [256]int32
	for b := range found {
		found[b] = -1
		if id, ok := ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			found[b] = id
		}
	}
	return &found
}

// haveBytes says whether every byte of s has a token.
func haveBytes(bytes *[256]int32, s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return bytes[b] < 0 })
}

const (
	maxCachedWord  = 256     // bytes; a longer word hardly comes again
	maxCachedWords = 1 << 16 // then the cache starts afresh
)

// worker holds what one goroutine needs to encode: a cache of words and
// buffers. Workers are kept between calls (see Tokenizer.borrow).
type worker struct {
	words map[string][]part
	arena []part
	parts []part
	// of bpe.go
	symbols []symbol
	heap    []pending
	chars   []byte
	// of unigram.go
	path []pathNode
}

func newWorker() *worker { return &worker{words: map[string][]part{}} }

// encode is m.encode with a memory. The result is valid until the next call.
func (w *worker) encode(m model, word string) ([]part, error) {
	if len(word) >= maxCachedWord {
		return m.encode(w, word)
	}
	if parts, ok := w.words[word]; ok {
		return parts, nil
	}
	parts, err := m.encode(w, word)
	if err != nil {
		return nil, err
	}
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
	return kept, nil
}

// trim gives back buffers that a long word has blown up.
func (w *worker) trim() {
	const keep = 1 << 16
	if cap(w.symbols) > keep || cap(w.path) > keep || cap(w.parts) > keep {
		w.symbols, w.heap, w.parts, w.chars, w.path = nil, nil, nil, nil, nil
	}
}
