package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder turns the texts of tokens into pieces of the decoded text.
type decoder func([]string) []string

func parseDecoder(n node) (decoder, error) {
	if n.null() {
		return nil, nil
	}
	kind, err := n.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "Sequence":
		return parseDecoders(n)
	case "ByteLevel":
		return decodeByteLevel, nil
	case "ByteFallback":
		return decodeByteFallback, nil
	case "Fuse":
		return func(in []string) []string { return []string{strings.Join(in, "")} }, nil
	case "Strip":
		return parseStripDecoder(n)
	case "Replace":
		return parseReplaceDecoder(n)
	case "Metaspace":
		return parseMetaspaceDecoder(n)
	case "BPEDecoder":
		suffix, err := n.strOr("suffix", "</w>")
		return func(in []string) []string {
			return mapEach(in, func(i int, s string) string {
				if i == len(in)-1 {
					return strings.ReplaceAll(s, suffix, "")
				}
				return strings.ReplaceAll(s, suffix, " ")
			})
		}, err
	}
	return nil, n.unsupported("decoder", kind)
}

func parseDecoders(n node) (decoder, error) {
	items, err := n.list("decoders")
	if err != nil {
		return nil, err
	}
	var all []decoder
	for _, item := range items {
		d, err := parseDecoder(item)
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, d)
		}
	}
	return func(in []string) []string {
		for _, d := range all {
			in = d(in)
		}
		return in
	}, nil
}

func mapEach(in []string, f func(i int, s string) string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = f(i, s)
	}
	return out
}

func decodeByteLevel(in []string) []string {
	var b []byte
	for _, s := range in {
		b = appendBytes(b, s)
	}
	return []string{lossy(b)}
}

// decodeByteFallback joins runs of `<0xNN>` tokens to text; each byte of a run that
// is not UTF-8 becomes a replacement character.
func decodeByteFallback(in []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if len(run) > 0 && utf8.Valid(run) {
			out = append(out, string(run))
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, s := range in {
		if len(s) == 6 && strings.HasPrefix(s, "<0x") && s[5] == '>' {
			if b, err := strconv.ParseUint(s[3:5], 16, 8); err == nil {
				run = append(run, byte(b))
				continue
			}
		}
		flush()
		out = append(out, s)
	}
	flush()
	return out
}

func parseStripDecoder(n node) (decoder, error) {
	content, err := n.str("content")
	if err != nil {
		return nil, err
	}
	start, err := n.intOr("start", 0)
	if err != nil {
		return nil, err
	}
	stop, err := n.intOr("stop", 0)
	if content == "" {
		return nil, n.at("content").errorf("is empty, want one character")
	}
	return func(in []string) []string {
		return mapEach(in, func(_ int, s string) string {
			for i := 0; i < start && strings.HasPrefix(s, content); i++ {
				s = s[len(content):]
			}
			for i := 0; i < stop && strings.HasSuffix(s, content); i++ {
				s = s[:len(s)-len(content)]
			}
			return s
		})
	}, err
}

func parseReplaceDecoder(n node) (decoder, error) {
	m, err := n.matcher("pattern")
	if err != nil {
		return nil, err
	}
	content, err := n.str("content")
	return func(in []string) []string {
		return mapEach(in, func(_ int, s string) string {
			var b strings.Builder
			last := 0
			// A pattern that gives up leaves the rest as it is: decoding is for
			// showing text, and has no error.
			_ = m.matches(s, func(start, end int) {
				b.WriteString(s[last:start])
				b.WriteString(content)
				last = end
			})
			b.WriteString(s[last:])
			return b.String()
		})
	}, err
}

func parseMetaspaceDecoder(n node) (decoder, error) {
	replacement, err := n.strOr("replacement", "▁")
	if err != nil {
		return nil, err
	}
	scheme, err := n.strOr("prepend_scheme", "always")
	if err != nil {
		return nil, err
	}
	addPrefix, err := n.boolOr("add_prefix_space", true)
	prepended := scheme != "never" && addPrefix
	return func(in []string) []string {
		return mapEach(in, func(i int, s string) string {
			if i == 0 && prepended {
				return strings.ReplaceAll(s, replacement, "")
			}
			return strings.ReplaceAll(s, replacement, " ")
		})
	}, err
}

// lossy makes text of bytes: each maximal part of a broken character (Unicode
// Standard 3.9, "substitution of maximal subparts") becomes one U+FFFD.
func lossy(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = brokenLen(b)
		}
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return string(out)
}

// brokenLen is the length of the maximal part at the start of b that could
// begin a character.
func brokenLen(b []byte) int {
	low, high, more := byte(0x80), byte(0xBF), 0
	switch first := b[0]; {
	case 0xC2 <= first && first <= 0xDF:
		more = 1
	case 0xE0 <= first && first <= 0xEF:
		more = 2
		if first == 0xE0 {
			low = 0xA0
		} else if first == 0xED {
			high = 0x9F
		}
	case 0xF0 <= first && first <= 0xF4:
		more = 3
		if first == 0xF0 {
			low = 0x90
		} else if first == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n <= more && n < len(b) && low <= b[n] && b[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}

// Decode returns the text of ids. Ids outside the vocabulary are left out, as are
// special tokens where skipSpecial is set.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		s, ok := t.TokenText(id)
		if !ok || skipSpecial && t.IsSpecial(id) {
			continue
		}
		texts = append(texts, s)
	}
	if t.decoder == nil {
		return strings.Join(texts, " ")
	}
	return strings.Join(t.decoder(texts), "")
}

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
