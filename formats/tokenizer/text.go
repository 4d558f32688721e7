package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// span is a range of bytes of the input.
type span struct{ start, end int }

// text is a piece of the input, as rewritten so far, that remembers which
// bytes of the input each of its bytes stands for.
type text struct {
	s string
	// align has an entry a byte of s. It is nil as long as nothing was
	// rewritten: then byte i of s is byte base+i of the input.
	align []span
	base  int
}

// source returns the input range of s[start:end], widened to whole
// characters. The range must not be empty.
func (t text) source(start, end int) span {
	if t.align != nil {
		return span{t.align[start].start, t.align[end-1].end}
	}
	for start > 0 && !utf8.RuneStart(t.s[start]) {
		start--
	}
	for end < len(t.s) && !utf8.RuneStart(t.s[end]) {
		end++
	}
	return span{t.base + start, t.base + end}
}

func (t text) slice(start, end int) text {
	if t.align == nil {
		return text{s: t.s[start:end], base: t.base + start}
	}
	return text{s: t.s[start:end], align: t.align[start:end]}
}

// alignment returns align, spelt out where it is implicit.
func (t text) alignment() []span {
	if t.align != nil {
		return t.align
	}
	align := make([]span, 0, len(t.s))
	for i, r := range t.s {
		n := utf8.RuneLen(r)
		for range n {
			align = append(align, span{t.base + i, t.base + i + n})
		}
	}
	return align
}

// change is one character of a rewritten text. kind says what it stands for:
// 0, the next character of the old text; 1, an insertion, which is aligned
// with the last character consumed; -n, the next character, after which n
// more are dropped.
type change struct {
	r    rune
	kind int
}

// rewrite applies changes to t, the first skip characters of which are dropped.
func (t text) rewrite(changes []change, skip int) text {
	old := t.alignment()
	pos := 0
	drop := func(n int) {
		for ; n > 0 && pos < len(t.s); n-- {
			_, size := utf8.DecodeRuneInString(t.s[pos:])
			pos += size
		}
	}
	drop(skip)
	var b strings.Builder
	b.Grow(len(t.s) + len(t.s)/8)
	align := make([]span, 0, len(t.s)+len(t.s)/8)
	for _, c := range changes {
		var at span
		switch {
		case c.kind > 0 && pos > 0:
			at = old[pos-1]
		case c.kind <= 0 && pos < len(old):
			at = old[pos]
		}
		if c.kind <= 0 {
			drop(1 - c.kind)
		}
		n, _ := b.WriteRune(c.r)
		for range n {
			align = append(align, at)
		}
	}
	return text{s: b.String(), align: align, base: t.base}
}

// prepend puts s before t, aligned with t's first character. An empty text
// stays empty.
func (t text) prepend(s string) text {
	if t.s == "" {
		return t
	}
	old := t.alignment()
	first := old[0]
	align := make([]span, 0, len(s)+len(old))
	for range len(s) {
		align = append(align, first)
	}
	return text{s: s + t.s, align: append(align, old...), base: t.base}
}

// replace puts content in the place of every match. Its bytes are aligned with the
// last character of the match.
func (t text) replace(matches []span, content string) text {
	if len(matches) == 0 {
		return t
	}
	old := t.alignment()
	var b strings.Builder
	room := len(old) + len(matches)*len(content)
	b.Grow(room)
	align := make([]span, 0, room)
	last := 0
	for _, m := range matches {
		b.WriteString(t.s[last:m.start])
		align = append(align, old[last:m.start]...)
		var at span
		if m.end > 0 {
			at = old[m.end-1]
		}
		b.WriteString(content)
		for range len(content) {
			align = append(align, at)
		}
		last = m.end
	}
	b.WriteString(t.s[last:])
	align = append(align, old[last:]...)
	return text{s: b.String(), align: align, base: t.base}
}

// filter drops the characters that keep refuses.
func (t text) filter(keep func(rune) bool) text {
	if !strings.ContainsFunc(t.s, func(r rune) bool { return !keep(r) }) {
		return t
	}
	var b strings.Builder
	old := t.alignment()
	align := make([]span, 0, len(old))
	for i, r := range t.s {
		if keep(r) {
			b.WriteRune(r)
			align = append(align, old[i:i+utf8.RuneLen(r)]...)
		}
	}
	return text{s: b.String(), align: align, base: t.base}
}

// mapRunes puts another character in the place of each.
func (t text) mapRunes(to func(rune) rune) text {
	if !strings.ContainsFunc(t.s, func(r rune) bool { return to(r) != r }) {
		return t
	}
	changes := make([]change, 0, len(t.s))
	for _, r := range t.s {
		changes = append(changes, change{to(r), 0})
	}
	return t.rewrite(changes, 0)
}

// byteChars writes every byte as its character of GPT-2's alphabet.
func (t text) byteChars() text {
	changes := make([]change, 0, len(t.s))
	for i := range len(t.s) {
		kind := 0
		if !utf8.RuneStart(t.s[i]) {
			kind = 1
		}
		changes = append(changes, change{byteChars[t.s[i]], kind})
	}
	return t.rewrite(changes, 0)
}
