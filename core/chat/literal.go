package chat

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loraedge/loraedge/core/conversation"
)

// renderLiteral is Render where a record's own text stays text, also where it looks like a
// token of o.Literal. Templates may rewrite, cut and repeat what they are given, so the places
// cannot be known beforehand: a character that no text has is put into the tokens, and
// taken out of what the template makes. No token is to be found across such a place.
func (t *Template) renderLiteral(c conversation.Conversation, o Options) ([]Sample, error) {
	b := breaker{tokens: map[byte][]string{}, mark: unusedCharacter(c)}
	for _, token := range o.Literal {
		// JSON may be written with escapes for HTML.
		for _, form := range []string{token, htmlEscapes.Replace(token)} {
			if utf8.RuneCountInString(token) > 1 && !slices.Contains(b.tokens[form[0]], form) {
				b.tokens[form[0]] = append(b.tokens[form[0]], form)
			}
		}
	}
	samples, err := t.samples(b.conversation(c), o)
	for i := range samples {
		samples[i] = b.takeOut(samples[i])
	}
	return samples, err
}

var htmlEscapes = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`)

// unusedCharacter is one of Unicode's noncharacters, which are for a program's own use, that
// the conversation does not have.
func unusedCharacter(c conversation.Conversation) string {
	free := rune(0xFDD0)
	var used [32]bool
	eachText(&c, func(s string) string {
		for _, r := range s {
			if free <= r && r < free+rune(len(used)) {
				used[r-free] = true
			}
		}
		return s
	})
	return string(free + rune(max(0, slices.Index(used[:], false))))
}

// eachText puts what f makes of it in the place of every text of a record.
func eachText(c *conversation.Conversation, f func(string) string) {
	c.Text, c.Tools, c.Documents = f(c.Text), f(c.Tools), f(c.Documents)
	c.Fields = maps.Clone(c.Fields)
	for k, v := range c.Fields {
		c.Fields[k] = f(v)
	}
	c.Messages = slices.Clone(c.Messages)
	for i := range c.Messages {
		m := &c.Messages[i]
		m.Content, m.Reasoning, m.Name, m.ToolCalls = f(m.Content), f(m.Reasoning), f(m.Name), f(m.ToolCalls)
	}
}

// breaker puts its mark into tokens.
type breaker struct {
	tokens map[byte][]string // by their first byte
	mark   string
}

func (b breaker) conversation(c conversation.Conversation) conversation.Conversation {
	eachText(&c, b.put)
	return c
}

// put writes the mark behind the first character of every token in s.
func (b breaker) put(s string) string {
	var out strings.Builder
	from := 0
	for i := range len(s) {
		if i < from {
			continue
		}
		for _, token := range b.tokens[s[i]] {
			if !strings.HasPrefix(s[i:], token) {
				continue
			}
			end := i + firstLength(token)
			out.WriteString(s[from:end])
			out.WriteString(b.mark)
			from = end
			break
		}
	}
	if from == 0 {
		return s
	}
	out.WriteString(s[from:])
	return out.String()
}

// firstLength is the length of the first character, or of the escape for one.
func firstLength(token string) int {
	if strings.HasPrefix(token, `\u`) {
		return len(`\u003c`)
	}
	_, n := utf8.DecodeRuneInString(token)
	return n
}

// takeOut removes the marks from a sample and notes their places.
func (b breaker) takeOut(s Sample) Sample {
	if !strings.Contains(s.Text, b.mark) {
		return s
	}
	var text strings.Builder
	for i, part := range strings.Split(s.Text, b.mark) {
		if i > 0 {
			s.Breaks = append(s.Breaks, text.Len())
		}
		text.WriteString(part)
	}
	s.Text = text.String()
	place := func(at int) int { // in the text without marks
		n := 0
		for n < len(s.Breaks) && s.Breaks[n]+n*len(b.mark) < at {
			n++
		}
		return at - n*len(b.mark)
	}
	s.Spans = slices.Clone(s.Spans)
	for i := range s.Spans {
		s.Spans[i].Start, s.Spans[i].End = place(s.Spans[i].Start), place(s.Spans[i].End)
	}
	return s
}
