package tokenizer

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// unigram is a unigram language model (Kudo 2018): of all ways to cut a word
// into pieces, the one with the highest sum of scores.
type unigram struct {
	pieces  []string // by id
	scores  []float64
	ids     map[string]int32
	trie    *trie // of the pieces that may be used
	unk     int32 // -1: a character outside the vocabulary is an error
	unkCost float64
	// bytes holds the ids of `<0xNN>` where byte fallback is on, else nil.
	bytes *[256]int32
	// single says that sums are rounded to single precision after every piece, as
	// SentencePiece does and the Rust library does not: it decides between cuts that
	// are all but equal.
	single bool
}

// maxSum is where SentencePiece begins to count anew.
const maxSum = 100000

// unkPenalty is how much worse than the worst piece an unknown character is.
const unkPenalty = 10

// pathNode is the best way to cut a word up to one of its bytes.
type pathNode struct {
	score float64
	start int32 // of the last piece; -1: no way leads here
	id    int32
}

func parseUnigram(n node) (model, error) {
	var raw [][2]any
	if err := n.at("vocab").decode(&raw, "a list of pieces, each with its score"); err != nil {
		return nil, err
	}
	if len(raw) > maxID {
		return nil, n.at("vocab").errorf("has %d pieces, want at most %d", len(raw), maxID)
	}
	m := &unigram{pieces: make([]string, len(raw)), scores: make([]float64, len(raw)), unk: -1}
	for i, pair := range raw {
		piece, isText := pair[0].(string)
		score, isNumber := pair[1].(float64)
		if !isText || !isNumber {
			return nil, n.at("vocab").errorf("piece %d is %v, want a text and a number", i, pair)
		}
		m.pieces[i], m.scores[i] = piece, score
	}
	if !n.at("unk_id").null() {
		id, err := n.intOr("unk_id", 0)
		if err != nil {
			return nil, err
		}
		if id >= len(raw) {
			return nil, n.at("unk_id").errorf("is %d, but model.vocab has %d pieces", id, len(raw))
		}
		m.unk = int32(id)
	}
	fallback, err := n.boolOr("byte_fallback", false)
	if err != nil {
		return nil, err
	}
	if err := m.index(func(int) bool { return true }); err != nil {
		return nil, n.at("vocab").errorf("%w", err)
	}
	if fallback {
		m.bytes = findBytes(m.ids)
	}
	return m, nil
}

// index builds the look-ups; usable says which pieces a word may be cut into.
func (m *unigram) index(usable func(id int) bool) error {
	m.ids = make(map[string]int32, len(m.pieces))
	m.trie = newTrie()
	worst := math.Inf(1)
	// Of two equal pieces the later one counts, as in the libraries.
	for i := len(m.pieces) - 1; i >= 0; i-- {
		if _, twice := m.ids[m.pieces[i]]; !twice {
			m.ids[m.pieces[i]] = int32(i)
		}
		if !usable(i) {
			continue
		}
		if m.pieces[i] != "" {
			if err := m.trie.add(m.pieces[i], int32(i)); err != nil {
				return err
			}
		}
		worst = min(worst, m.scores[i])
	}
	m.unkCost = worst - unkPenalty
	return nil
}

func (m *unigram) lookup(token string) (int32, bool) {
	id, ok := m.ids[token]
	return id, ok
}

func (m *unigram) tokens(yield func(id int32, token string)) {
	for i, p := range m.pieces {
		yield(int32(i), p)
	}
}

func (m *unigram) encode(w *worker, word string) ([]part, error) {
	path := m.bestPath(w, word)
	w.parts = w.parts[:0]
	// The path is known from its end: pieces come out in reverse.
	for end := len(word); end > 0; {
		node := path[end]
		start := int(node.start)
		if node.id == m.unk {
			for start > 0 && path[start].id == m.unk {
				start = int(path[start].start)
			}
			if err := m.addUnknown(w, word, start, end); err != nil {
				return nil, err
			}
		} else {
			w.parts = append(w.parts, part{node.id, int32(start), int32(end)})
		}
		end = start
	}
	for i, j := 0, len(w.parts)-1; i < j; i, j = i+1, j-1 {
		w.parts[i], w.parts[j] = w.parts[j], w.parts[i]
	}
	return w.parts, nil
}

// bestPath is the Viterbi search, by the ends of pieces.
func (m *unigram) bestPath(w *worker, word string) []pathNode {
	if cap(w.path) <= len(word) {
		w.path = make([]pathNode, len(word)+1)
	}
	path := w.path[:len(word)+1]
	for i := range path {
		path[i] = pathNode{start: -1}
	}
	frontier := 0 // the furthest end so far
	for start := 0; start < len(word); {
		_, char := utf8.DecodeRuneInString(word[start:])
		if m.single && math.Abs(path[start].score) > maxSum {
			rebase(path[start : frontier+1])
		}
		before := path[start].score
		whole := false // a piece is this very character
		node := int32(0)
		for end := start; end < len(word); {
			next, ok := m.trie.child(node, word[end])
			if !ok {
				break
			}
			node = next
			end++
			id := m.trie.values[node]
			if id == noValue {
				continue
			}
			frontier = max(frontier, end)
			m.offer(&path[end], before+m.scores[id], start, id)
			whole = whole || end-start == char
		}
		if !whole {
			frontier = max(frontier, start+char)
			m.offer(&path[start+char], before+m.unkCost, start, m.unk)
		}
		start += char
	}
	return path
}

// rebase makes sums count from the first node on, which loses nothing but their size:
// large sums of single precision are rough.
func rebase(path []pathNode) {
	base := path[0].score
	for i := range path {
		if i == 0 || path[i].start >= 0 {
			path[i].score = float64(float32(path[i].score - base))
		}
	}
}

func (m *unigram) offer(to *pathNode, score float64, start int, id int32) {
	if m.single {
		score = float64(float32(score))
	}
	if to.start < 0 || score > to.score {
		*to = pathNode{score, int32(start), id}
	}
}

// addUnknown writes word[start:end], a run of unknown characters, as bytes, else
// as one unknown token. Bytes come in reverse, like everything in encode.
func (m *unigram) addUnknown(w *worker, word string, start, end int) error {
	run := word[start:end]
	if id, ok := m.ids[run]; ok && !m.single {
		w.parts = append(w.parts, part{id, int32(start), int32(end)})
		return nil
	}
	if m.bytes != nil && haveBytes(m.bytes, run) {
		for i := len(run) - 1; i >= 0; i-- {
			w.parts = append(w.parts, part{m.bytes[run[i]], int32(start), int32(end)})
		}
		return nil
	}
	if m.unk < 0 {
		return fmt.Errorf("%q is not in the vocabulary, and the unigram model has no unknown token (model.unk_id)", clip([]byte(run)))
	}
	w.parts = append(w.parts, part{m.unk, int32(start), int32(end)})
	return nil
}
