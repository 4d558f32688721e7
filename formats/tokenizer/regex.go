package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// matcher finds the matches of a pattern, in order, without overlap.
type matcher interface {
	// matches calls found with byte ranges of s.
	matches(s string, found func(start, end int)) error
}

// literal matches a fixed string.
type literal string

func (l literal) matches(s string, found func(start, end int)) error {
	if l == "" {
		return nil
	}
	for pos := 0; ; {
		i := strings.Index(s[pos:], string(l))
		if i < 0 {
			return nil
		}
		found(pos+i, pos+i+len(l))
		pos += i + len(l)
	}
}

// class matches single characters.
type class func(rune) bool

func (c class) matches(s string, found func(start, end int)) error {
	for i, r := range s {
		if c(r) {
			found(i, i+utf8.RuneLen(r))
		}
	}
	return nil
}

// words matches the longest runs of word characters and of characters that
// are neither word characters nor spaces: `\w+|[^\w\s]+`.
type words struct{}

func (words) matches(s string, found func(start, end int)) error {
	const space, word, other = 0, 1, 2
	start, kind := 0, space
	for i, r := range s {
		k := other
		if unicode.IsSpace(r) {
			k = space
		} else if isWord(r) {
			k = word
		}
		if k != kind {
			if kind != space {
				found(start, i)
			}
			start, kind = i, k
		}
	}
	if kind != space {
		found(start, len(s))
	}
	return nil
}

// pattern is a regular expression in Oniguruma's syntax.
type pattern struct{ re *regexp2.Regexp }

var runeBuffers = sync.Pool{New: func() any { return new([]rune) }}

func (p pattern) matches(s string, found func(start, end int)) error {
	buf := runeBuffers.Get().(*[]rune)
	defer runeBuffers.Put(buf)
	runes := (*buf)[:0]
	for _, r := range s {
		runes = append(runes, r)
	}
	if cap(runes) <= 1<<20 {
		*buf = runes
	}
	runePos, bytePos := 0, 0
	advance := func(to int) int {
		for ; runePos < to; runePos++ {
			bytePos += utf8.RuneLen(runes[runePos])
		}
		return bytePos
	}
	err := p.re.FindRunesMatches(runes, -1, func(m regexp2.MatchView) bool {
		at, n, _ := m.GroupRange(0)
		start := advance(at)
		end := advance(at + n)
		found(start, end)
		return true
	})
	if err != nil {
		// regexp2's own error repeats the whole text.
		return fmt.Errorf("the pre-tokenizer's regular expression %q takes too long or too much memory at character %d", p.re.String(), runePos)
	}
	return nil
}

// maxMatchTime bounds one match of a pattern, which may backtrack without end. Those
// in use take a millisecond for a MiB.
const maxMatchTime = 20 * time.Second

// compilePattern compiles an Oniguruma pattern.
func compilePattern(onig string) (matcher, error) {
	translated, err := translatePattern(onig)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(translated, regexp2.OptionMaxBacktrackingStackSize(1<<24))
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", onig, err)
	}
	re.MatchTimeout = maxMatchTime
	return pattern{re}, nil
}

// wordClass is Oniguruma's \w, to be put into a class. It has the digits and
// fractions of Latin-1, but no others of their kind.
const wordClass = `²³¹¼½¾\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\p{Other_Alphabetic}`

// translatePattern rewrites what Oniguruma and regexp2 read differently, and
// refuses what regexp2 would read wrongly.
func translatePattern(onig string) (string, error) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(onig); i++ {
		c := onig[i]
		switch {
		case c == '\\' && i+1 < len(onig):
			i++
			switch e := onig[i]; {
			case e == 'w' && inClass:
				b.WriteString(wordClass)
			case e == 'w':
				b.WriteString("[" + wordClass + "]")
			case e == 'W' && !inClass:
				b.WriteString("[^" + wordClass + "]")
			case e == 'h' && inClass:
				b.WriteString("0-9a-fA-F")
			case e == 'h':
				b.WriteString("[0-9a-fA-F]")
			case e == 'W' || e == 'H':
				return "", fmt.Errorf(`regular expression %q: \%c inside a class is not supported`, onig, e)
			default:
				// Braces of a property, \p{L}, are not those of a repetition.
				n := 1
				if end := strings.IndexByte(onig[i:], '}'); (e == 'p' || e == 'P') && end > 0 {
					n = end + 1
				}
				b.WriteByte('\\')
				b.WriteString(onig[i : i+n])
				i += n - 1
			}
		case inClass && (c == '[' || strings.HasPrefix(onig[i:], "&&")):
			return "", fmt.Errorf("regular expression %q: nested character classes are not supported", onig)
		case !inClass && c == '[':
			inClass = true
			b.WriteByte(c)
			// A bracket right at the start is a member of the class.
			for _, lead := range []string{"^]", "]", "^"} {
				if strings.HasPrefix(onig[i+1:], lead) {
					b.WriteString(lead)
					i += len(lead)
					break
				}
			}
		case inClass && c == ']':
			inClass = false
			b.WriteByte(c)
		case !inClass && c == '}' && strings.HasPrefix(onig[i+1:], "+"):
			return "", fmt.Errorf("regular expression %q: a `+` after `{…}` is not supported", onig)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// matcher reads a pattern: {"String": s} or {"Regex": s}.
func (n node) matcher(key string) (matcher, error) {
	p := n.at(key)
	fields, err := p.object()
	if err != nil {
		return nil, err
	}
	if _, ok := fields["String"]; ok {
		s, err := p.str("String")
		return literal(s), err
	}
	if _, ok := fields["Regex"]; ok {
		s, err := p.str("Regex")
		if err != nil {
			return nil, err
		}
		m, err := compilePattern(s)
		if err != nil {
			return nil, p.at("Regex").errorf("%w", err)
		}
		return m, nil
	}
	return nil, p.errorf("has neither String nor Regex: %s", fmt.Sprint(slices.Sorted(maps.Keys(fields))))
}
