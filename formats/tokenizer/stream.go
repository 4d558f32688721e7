package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Stream decodes ids one after the other, as they are generated.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	ids         []int32
	// shown counts the ids whose text was given out. The ids before it are
	// kept because the text of a token can depend on the one before.
	shown int
}

// maxPending bounds how many ids wait for a character to become whole.
const maxPending = 16

// NewStream begins to decode a new sequence.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	return &Stream{t: t, skipSpecial: skipSpecial}
}

// Push adds an id and returns the text that became certain: it ends with a
// whole character, and is empty while one is still broken.
func (s *Stream) Push(id int32) string {
	s.ids = append(s.ids, id)
	return s.emit(false)
}

// Flush returns what still waits, broken characters as U+FFFD.
func (s *Stream) Flush() string { return s.emit(true) }

func (s *Stream) emit(force bool) string {
	before := s.t.Decode(s.ids[:s.shown], s.skipSpecial)
	now := s.t.Decode(s.ids, s.skipSpecial)
	force = force || len(s.ids)-s.shown > maxPending
	if len(now) <= len(before) || !force && strings.HasSuffix(now, "\uFFFD") {
		return ""
	}
	// A run of byte tokens that turns out not to be text changes what stood
	// before it; what was given out stays, the rest begins with a whole character.
	from := len(before)
	for from < len(now) && !utf8.RuneStart(now[from]) {
		from++
	}
	fresh := now[from:]
	s.ids = append(s.ids[:0], s.ids[s.shown:]...)
	s.shown = len(s.ids)
	return fresh
}
