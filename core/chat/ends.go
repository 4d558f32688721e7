package chat

import (
	"slices"
	"strings"
)

// ends brings the end-of-turn tokens of text into or out of the spans.
func (t *Template) ends(text string, spans []Span, o Options) []Span {
	marks := t.findEnds(text, o.EndOfTurn)
	switch o.TrainOnEOS {
	case "", "turn":
		return joinTouching(spans, marks)
	case "none":
		return without(spans, marks)
	case "all":
		return with(without(spans, marks), marks)
	case "last":
		return with(without(spans, marks), marks[max(0, len(marks)-1):])
	}
	return spans
}

// findEnds returns where end-of-turn tokens stand in text, in order.
func (t *Template) findEnds(text string, more []string) []Span {
	tokens := append([]string{t.special["eos_token"]}, more...)
	// Of two that begin at one place the longer is the token.
	slices.SortStableFunc(tokens, func(a, b string) int { return len(b) - len(a) })
	var marks []Span
	for i := 0; i < len(text); {
		n := 0
		for _, token := range tokens {
			if token != "" && strings.HasPrefix(text[i:], token) {
				n = len(token)
				break
			}
		}
		if n > 0 {
			marks = append(marks, Span{i, i + n, 1})
		}
		i += max(n, 1)
	}
	return marks
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
