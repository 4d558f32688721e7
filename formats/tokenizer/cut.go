package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// cut is a part of a text: a match of the delimiter or what lies between two.
type cut struct {
	span
	match bool
}

// cutAt splits at every match of m; behavior says what becomes of the matches.
// With invert, the matches are the pieces and what lies between the delimiters.
func cutAt(m matcher, behavior string, invert bool) splitter {
	if behavior == "Isolated" {
		return isolate(m)
	}
	join := joiners[behavior]
	return func(t text, emit func(text) error) error {
		cuts, err := findCuts(m, t.s, invert)
		if err != nil {
			return err
		}
		if join != nil {
			cuts = join(cuts)
		}
		for _, c := range cuts {
			if c.start < c.end && !(behavior == "Removed" && c.match) {
				if err := emit(t.slice(c.start, c.end)); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// isolate is cutAt where every match is a piece of its own: the common case,
// done without a list of the parts.
func isolate(m matcher) splitter {
	return func(t text, emit func(text) error) error {
		var failed error
		last := 0
		piece := func(start, end int) {
			if start < end && failed == nil {
				failed = emit(t.slice(start, end))
			}
		}
		err := m.matches(t.s, func(start, end int) {
			piece(last, start)
			piece(start, end)
			last = end
		})
		if err != nil {
			return err
		}
		piece(last, len(t.s))
		return failed
	}
}

func findCuts(m matcher, s string, invert bool) ([]cut, error) {
	var cuts []cut
	last := 0
	err := m.matches(s, func(start, end int) {
		if last < start {
			cuts = append(cuts, cut{span{last, start}, invert})
		}
		cuts = append(cuts, cut{span{start, end}, !invert})
		last = end
	})
	if last < len(s) {
		cuts = append(cuts, cut{span{last, len(s)}, invert})
	}
	return cuts, err
}

// joiners says, by the name of a behavior, how parts are joined into pieces.
var joiners = map[string]func([]cut) []cut{
	"Isolated":           nil,
	"Removed":            nil,
	"Contiguous":         joinAlike,
	"MergedWithPrevious": joinPrevious,
	"MergedWithNext":     joinNext,
}

func joinAlike(cuts []cut) []cut {
	var out []cut
	for _, c := range cuts {
		if n := len(out); n > 0 && out[n-1].match == c.match {
			out[n-1].end = c.end
			continue
		}
		out = append(out, c)
	}
	return out
}

func joinPrevious(cuts []cut) []cut {
	var out []cut
	previous := false
	for _, c := range cuts {
		if n := len(out); n > 0 && c.match && !previous {
			out[n-1].end = c.end
		} else {
			out = append(out, c)
		}
		previous = c.match
	}
	return out
}

func joinNext(cuts []cut) []cut {
	var out []cut
	for i := 0; i < len(cuts); i++ {
		c := cuts[i]
		if c.match && i+1 < len(cuts) && !cuts[i+1].match {
			c.end = cuts[i+1].end
			i++
		}
		out = append(out, c)
	}
	return out
}

// wordCut cuts before every `▁` that follows another character, where no token of a
// vocabulary reaches over the cut. Nothing merges there, so a text comes out the same
// word by word, and words are remembered.
type wordCut struct {
	// joined are the characters that come before a `▁` inside some token.
	joined []rune
}

const (
	// spaceSymbol stands for a space in the tokens of SentencePiece.
	spaceSymbol = "▁"
	maxJoined   = 32 // with more, little is gained
)

// newWordCut is nil where the vocabulary does not allow it.
func newWordCut(m model) *wordCut {
	if _, ok := m.lookup(spaceSymbol); !ok {
		return nil
	}
	w := &wordCut{}
	m.tokens(func(_ int32, token string) {
		for at := 1; at < len(token) && len(w.joined) <= maxJoined; at++ {
			if !strings.HasPrefix(token[at:], spaceSymbol) {
				continue
			}
			before, _ := utf8.DecodeLastRuneInString(token[:at])
			if before != '▁' && !slices.Contains(w.joined, before) {
				w.joined = append(w.joined, before)
			}
		}
	})
	if len(w.joined) > maxJoined {
		return nil
	}
	return w
}

// end is where the word that begins at start ends.
func (w *wordCut) end(s string, start int) int {
	for end := start; ; {
		for strings.HasPrefix(s[end:], spaceSymbol) {
			end += len(spaceSymbol)
		}
		i := strings.Index(s[end:], spaceSymbol)
		if i < 0 {
			return len(s)
		}
		end += i
		before, _ := utf8.DecodeLastRuneInString(s[:end])
		if end > start && before != '▁' && !slices.Contains(w.joined, before) {
			return end
		}
	}
}

func (w *wordCut) split(t text, emit func(text) error) error {
	for start := 0; start < len(t.s); {
		end := w.end(t.s, start)
		if err := emit(t.slice(start, end)); err != nil {
			return err
		}
		start = end
	}
	return nil
}
