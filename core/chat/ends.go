package chat

import (
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
)

// ends brings the end-of-turn tokens of a conversation's text into or out of the spans.
func (t *Template) ends(c conversation.Conversation, text string, spans []Span, o Options) []Span {
	marks := t.findEnds(text, o.EndOfTurn)
	switch o.TrainOnEOS {
	case "", "turn":
		return withClosing(text, joinTouching(spans, marks), marks)
	case "none":
		return without(spans, marks)
	case "all":
		marks = written(c, text, marks)
		return with(without(spans, marks), marks)
	case "last":
		return with(without(spans, marks), lastRun(text, marks))
	}
	return spans
}

// findEnds returns where end-of-turn tokens stand in text, in order.
func (t *Template) findEnds(text string, more []string) []Span {
	var marks []Span
	tokens := append([]string{t.special["eos_token"]}, more...)
	next := make([]int, len(tokens)) // where each stands next, at from or later
	for from := 0; ; {
		best := -1
		for i, token := range tokens {
			if token != "" && next[i] >= 0 && next[i] <= from {
				if next[i] = strings.Index(text[from:], token); next[i] >= 0 {
					next[i] += from
				}
			}
			if token == "" || next[i] < 0 {
				continue
			}
			// Of two that begin at one place the longer is the token.
			if best < 0 || next[i] < next[best] || next[i] == next[best] && len(token) > len(tokens[best]) {
				best = i
			}
		}
		if best < 0 {
			return marks
		}
		from = next[best] + len(tokens[best])
		marks = append(marks, Span{next[best], from, 1})
	}
}

// written returns the marks that the template wrote: those that no message has in its
// own text. Messages are looked for in their order; one that the template changed is not found.
func written(c conversation.Conversation, text string, marks []Span) []Span {
	marks = slices.Clone(marks)
	from := 0
	for _, m := range c.Messages {
		content := strings.TrimSpace(m.Content)
		at := strings.Index(text[from:], content)
		if content == "" || at < 0 {
			continue
		}
		start := from + at
		from = start + len(content)
		marks = slices.DeleteFunc(marks, func(m Span) bool { return m.Start >= start && m.End <= from })
	}
	return marks
}

// lastRun returns the last of the marks with those before it that only space
// keeps apart: some templates close the last turn and then the text.
func lastRun(text string, marks []Span) []Span {
	i := len(marks) - 1
	for i > 0 && strings.TrimSpace(text[marks[i-1].End:marks[i].Start]) == "" {
		i--
	}
	return marks[max(0, i):]
}

// saysNothing says whether a turn is nothing but its end.
func (t *Template) saysNothing(turn string, ends []string) bool {
	for _, s := range without([]Span{{0, len(turn), 1}}, t.findEnds(turn, ends)) {
		if strings.TrimSpace(turn[s.Start:s.End]) != "" {
			return false
		}
	}
	return true
}

// withClosing adds the eos token that closes the text behind the last turn, if
// that turn is trained.
func withClosing(text string, spans, marks []Span) []Span {
	if len(spans) == 0 || len(marks) == 0 {
		return spans
	}
	last, mark := spans[len(spans)-1], marks[len(marks)-1]
	if last.End <= mark.Start && strings.TrimSpace(text[last.End:mark.Start]) == "" && strings.TrimSpace(text[mark.End:]) == "" {
		return append(spans, Span{mark.Start, mark.End, last.Weight})
	}
	return spans
}

// joinTouching extends a span over the end-of-turn token that follows it at
// once: a generation block may leave it out, but an answer that was never seen to end
// does not end.
func joinTouching(spans, marks []Span) []Span {
	out := slices.Clone(spans)
	for i := range out {
		for _, m := range marks {
			if m.Start == out[i].End && (i+1 == len(out) || m.End <= out[i+1].Start) {
				out[i].End = m.End
			}
		}
	}
	return out
}

// without cuts marks out of the spans.
func without(spans, marks []Span) []Span {
	var out []Span
	for _, s := range spans {
		for _, m := range marks {
			if m.Start < s.End && m.End > s.Start {
				if s.Start < m.Start {
					out = append(out, Span{s.Start, m.Start, s.Weight})
				}
				s.Start = min(m.End, s.End)
			}
		}
		if s.Start < s.End {
			out = append(out, s)
		}
	}
	return out
}

// with adds marks, which lie apart from the spans.
func with(spans, marks []Span) []Span {
	out := append(slices.Clone(spans), marks...)
	slices.SortFunc(out, func(a, b Span) int { return a.Start - b.Start })
	return out
}
