package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// ParseSentencePiece reads a SentencePiece model (Kudo and Richardson 2018), BPE or
// unigram, and encodes as that library does: control pieces such as <s> are not
// recognised in a text, and EncodeSpecial adds nothing. Load adds both.
func ParseSentencePiece(data []byte) (*Tokenizer, error) {
	f, err := parseSPM(data)
	if err != nil {
		return nil, notSPM(data, err)
	}
	t, err := f.tokenizer()
	if err != nil {
		return nil, err
	}
	return t, t.finish()
}

// notSPM explains a file of another format that has the same name.
func notSPM(data []byte, err error) error {
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return errors.New("this is a pointer to a file that Git LFS keeps elsewhere, not the model itself: run `git lfs pull`")
	}
	return fmt.Errorf("not a usable SentencePiece model: %w", err)
}

// tokenizer is the model and the stages around it, still without tokens of a folder.
func (f *spmFile) tokenizer() (*Tokenizer, error) {
	t := &Tokenizer{special: map[int32]bool{}, addedIDs: map[string]int32{}, split: chain(nil)}
	literal := newTrie() // user-defined pieces, which no rule rewrites
	pieces := make([]string, len(f.pieces))
	for i, p := range f.pieces {
		pieces[i] = p.text
		if p.kind == pieceUserDefined {
			if err := literal.add(p.text, int32(i)); err != nil {
				return nil, err
			}
		}
		if p.kind == pieceControl || p.kind == pieceUnknown {
			t.special[int32(i)] = true
		}
	}
	t.normalize = func(in text) (text, error) { return f.normalize(in, literal), nil }
	t.decoder = f.decode
	var err error
	if f.kind == 1 {
		t.model, err = f.unigram(pieces)
	} else {
		m := f.bpe(pieces, literal)
		if words := newWordCut(m); words != nil && m.symbols[spaceSymbol] < int32(len(pieces)) {
			t.split = words.split
		}
		t.model = m
	}
	return t, err
}

func (f *spmFile) unigram(pieces []string) (model, error) {
	m := &unigram{pieces: pieces, scores: make([]float64, len(pieces)), unk: f.unk, single: true}
	lowest := float32(math.MaxFloat32)
	for i, p := range f.pieces {
		m.scores[i] = float64(p.score)
		if p.kind == pieceNormal {
			lowest = min(lowest, p.score)
		}
	}
	for i, p := range f.pieces {
		if p.kind == pieceUserDefined { // a bonus, so that it always wins
			m.scores[i] = float64(float32(0.1 * float64(len(p.text)-1)))
		}
	}
	err := m.index(func(id int) bool { return f.pieces[id].kind == pieceNormal || f.pieces[id].kind == pieceUserDefined })
	m.unkCost = float64(lowest - unkPenalty)
	if f.byteFallback {
		m.bytes = findBytes(m.ids)
	}
	return m, err
}

// normalize rewrites a text by the character map, makes spaces into `▁`, and adds
// and removes spaces at the ends as the file says.
func (f *spmFile) normalize(in text, literal *trie) text {
	out := spmText{space: " "}
	if f.escapeWhitespace {
		out.space = spaceSymbol
	}
	rest := in.s
	at := func() int { return len(in.s) - len(rest) }
	if f.removeExtraWhitespace {
		for rest != "" {
			to, n := f.rewriteFirst(rest, literal)
			if to != " " {
				break
			}
			rest = rest[n:]
		}
	}
	if rest == "" {
		return text{base: in.base, align: []span{}}
	}
	room := len(rest) + len(out.space)*(1+strings.Count(rest, " "))
	out.s, out.align = make([]byte, 0, room), make([]span, 0, room)
	afterSpace := f.removeExtraWhitespace
	if f.addDummyPrefix && !f.whitespaceAsSuffix && !(f.prefixFirst && in.source(0, 1).start > 0) {
		_, n := utf8.DecodeRuneInString(rest)
		out.write(" ", in.source(at(), at()+n))
	}
	for rest != "" {
		to, n := f.rewriteFirst(rest, literal)
		if afterSpace {
			to = strings.TrimLeft(to, " ")
		}
		if to != "" {
			out.write(to, in.source(at(), at()+n))
			afterSpace = f.removeExtraWhitespace && strings.HasSuffix(to, " ")
		}
		rest = rest[n:]
	}
	if f.removeExtraWhitespace {
		out.trimRight()
	}
	if f.addDummyPrefix && f.whitespaceAsSuffix && len(out.align) > 0 {
		out.write(" ", out.align[len(out.align)-1])
	}
	return text{s: string(out.s), align: out.align, base: in.base}
}

// rewriteFirst is what the beginning of s becomes, and how much of s that is.
func (f *spmFile) rewriteFirst(s string, literal *trie) (to string, n int) {
	if _, n := literal.longest(s); n > 0 {
		return s[:n], n
	}
	if f.charsMap != nil {
		if to, n := f.charsMap.longest(s); n > 0 {
			return to, n
		}
	}
	_, n = utf8.DecodeRuneInString(s)
	return s[:n], n
}

// spmText is a normalized text in the making.
type spmText struct {
	s     []byte
	align []span
	space string
}

func (t *spmText) write(s string, from span) {
	for i := range len(s) {
		if s[i] == ' ' {
			t.s = append(t.s, t.space...)
		} else {
			t.s = append(t.s, s[i])
		}
	}
	for len(t.align) < len(t.s) {
		t.align = append(t.align, from)
	}
}

func (t *spmText) trimRight() {
	for bytes.HasSuffix(t.s, []byte(t.space)) {
		t.s = t.s[:len(t.s)-len(t.space)]
	}
	t.align = t.align[:len(t.s)]
}

// decode joins pieces: `▁` is a space, but not the one that normalizing put
// before the text, and runs of byte pieces are text again.
func (f *spmFile) decode(in []string) []string {
	var b strings.Builder
	var run []byte
	flush := func() {
		for len(run) > 0 {
			r, n := utf8.DecodeRune(run)
			b.WriteRune(r)
			run = run[n:]
		}
	}
	prefixed := f.addDummyPrefix || f.removeExtraWhitespace
	for _, s := range in {
		if c, ok := byteToken(s); ok {
			run = append(run, c)
			continue
		}
		flush()
		if prefixed && b.Len() == 0 {
			var cut bool
			s, cut = strings.CutPrefix(s, spaceSymbol)
			prefixed = !cut || f.removeExtraWhitespace
		}
		b.WriteString(strings.ReplaceAll(s, spaceSymbol, " "))
	}
	flush()
	return []string{b.String()}
}
