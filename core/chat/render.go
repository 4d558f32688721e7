package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/loraedge/loraedge/core/conversation"
)

// Span is a range of bytes of a text and how much its tokens are trained.
type Span struct {
	Start, End int
	Weight     float64
}

// Sample is one text to train on.
type Sample struct {
	Text string
	// Spans are the trained parts, in order and apart from each other.
	Spans []Span
	// Around says that the text lacks special tokens of the model: Tokenize
	// puts the tokenizer's own before it.
	Around bool
	// EOS goes after the text, trained with EOSWeight, unless the text ends with a
	// special token itself or EOS is empty.
	EOS       string
	EOSWeight float64
	// Breaks are places in the text, in order, across which no special token is to be found.
	Breaks []int
}

// Options say what is trained.
type Options struct {
	// AddGenerationPrompt renders a prompt: it ends where the answer begins,
	// and nothing of it is trained.
	AddGenerationPrompt bool
	// RolesToTrain are the roles whose turns are trained; empty means "assistant".
	// A message's own weight goes before it.
	RolesToTrain []string
	// LastTurnOnly trains only the last of the turns that would be trained.
	LastTurnOnly bool
	// TrainOnInputs trains everything.
	TrainOnInputs bool
	// TrainOnEOS says which end-of-turn tokens are trained: those of trained
	// turns ("turn" or ""), "all", the "last", or "none".
	TrainOnEOS string
	// EndOfTurn are the texts of end-of-turn tokens beside the eos token.
	EndOfTurn []string
	// Literal are the special tokens that a record's own text does not become
	// where it has their texts; the template's own do.
	Literal []string
}

// weight returns how much a message is trained.
func (o Options) weight(m conversation.Message) float64 {
	if m.Weight != nil {
		return *m.Weight
	}
	roles := o.RolesToTrain
	if len(roles) == 0 {
		roles = []string{"assistant"}
	}
	if slices.Contains(roles, m.Role) {
		return 1
	}
	return 0
}

// onlyLast returns the messages with the weight 0 on all but the last that is
// trained.
func (o Options) onlyLast(messages []conversation.Message) []conversation.Message {
	out := slices.Clone(messages)
	for i, none, found := len(out)-1, 0.0, false; i >= 0; i-- {
		if found {
			out[i].Weight = &none
		}
		found = found || o.weight(out[i]) != 0
	}
	return out
}

// assistantOnly says whether generation blocks tell all of what is trained.
func (o Options) assistantOnly(messages []conversation.Message) bool {
	for _, m := range messages {
		if m.Role != "assistant" && o.weight(m) != 0 {
			return false
		}
	}
	return true
}

var errEmpty = errors.New("the conversation has neither messages nor fields nor text")

// Render lays a conversation out. The result is one sample, or one for each
// trained turn where the template writes earlier turns differently once later ones follow:
// no single text then shows every turn as it is at the time of the answer.
func (t *Template) Render(c conversation.Conversation, o Options) ([]Sample, error) {
	if len(o.Literal) > 0 {
		return t.renderLiteral(c, o)
	}
	return t.samples(c, o)
}

func (t *Template) samples(c conversation.Conversation, o Options) ([]Sample, error) {
	if c.Text != "" {
		return []Sample{t.plain(c.Text)}, nil
	}
	if len(c.Messages) == 0 && len(c.Fields) == 0 {
		return nil, errEmpty
	}
	if o.LastTurnOnly {
		c.Messages = o.onlyLast(c.Messages)
	}
	messages, err := values(c.Messages)
	if err == nil {
		err = t.fitIDs(messages)
	}
	if err != nil {
		return nil, err
	}
	full, err := t.render(c, messages, true, o.AddGenerationPrompt)
	if err != nil {
		return nil, err
	}
	if o.AddGenerationPrompt {
		return []Sample{{Text: full.text, Around: t.around}}, nil
	}
	if o.TrainOnInputs {
		return []Sample{t.sample(c, full.text, []Span{{0, len(full.text), 1}}, o)}, nil
	}
	if spans, ok := generationSpans(full, c.Messages, o); ok {
		return []Sample{t.sample(c, full.text, spans, o)}, nil
	}
	return t.renderTurns(c, messages, o)
}

// plain is a document: every token of it is trained.
func (t *Template) plain(text string) Sample {
	return PlainSample(text, t.special["eos_token"])
}

// PlainSample is a text to learn as it is, closed by eos.
func PlainSample(text, eos string) Sample {
	return Sample{Text: text, Spans: []Span{{0, len(text), 1}}, Around: true, EOS: eos, EOSWeight: 1}
}

// sample makes a sample of a conversation's text and its trained turns.
func (t *Template) sample(c conversation.Conversation, text string, turns []Span, o Options) Sample {
	s := Sample{Text: text, Spans: t.ends(c, text, turns, o), Around: t.around}
	last := Span{}
	if n := len(turns); n > 0 {
		last = turns[n-1]
	}
	// Some templates close only the turns that others follow; the last answer
	// must be seen to end, too.
	if t.around || last.End > 0 && strings.TrimSpace(text[last.End:]) == "" {
		s.EOS = t.special["eos_token"]
		if o.TrainOnEOS != "none" {
			s.EOSWeight = last.Weight
		}
	}
	return s
}

// generationSpans makes spans of the template's generation blocks, if it has
// them and they tell what is asked.
func generationSpans(r rendering, messages []conversation.Message, o Options) ([]Span, bool) {
	if len(r.generations) == 0 || !o.assistantOnly(messages) {
		return nil, false
	}
	var weights []float64
	if len(messages) == 0 { // the record was laid out by its fields
		weights = []float64{1}
	}
	even := true
	for _, m := range messages {
		if m.Role == "assistant" {
			weights = append(weights, o.weight(m))
			even = even && weights[len(weights)-1] == weights[0]
		}
	}
	if len(weights) != len(r.generations) && !(even && len(weights) > 0) {
		return nil, false
	}
	var spans []Span
	for i, g := range r.generations {
		w := weights[min(i, len(weights)-1)]
		if w != 0 && g.Start < g.End {
			spans = append(spans, Span{g.Start, g.End, w})
		}
	}
	return spans, true
}

// turn is a trained message in the rendering that ends with it.
type turn struct {
	text string // of the messages up to this one
	span Span
}

// renderTurns finds the trained turns by rendering the messages before and up
// to each.
func (t *Template) renderTurns(c conversation.Conversation, messages []any, o Options) ([]Sample, error) {
	full, err := t.render(c, messages, false, false)
	if err != nil {
		return nil, err
	}
	var turns []turn
	stable := true
	for i, m := range c.Messages {
		w := o.weight(m)
		if w == 0 {
			continue
		}
		upTo := full
		if i+1 < len(messages) {
			if upTo, err = t.render(c, messages[:i+1], false, false); err != nil {
				return nil, fmt.Errorf("up to message %d: %w", i+1, err)
			}
		}
		start, end := t.turnRange(c, messages, i, upTo.text, o.EndOfTurn)
		if start == end || m.ToolCalls != "" && t.saysNothing(upTo.text[start:end], o.EndOfTurn) {
			continue // a template without tool calls would teach to say nothing
		}
		apart := len(turns) == 0 || start >= turns[len(turns)-1].span.End
		stable = stable && apart && strings.HasPrefix(full.text, upTo.text[:end])
		turns = append(turns, turn{upTo.text, Span{start, end, w}})
	}
	var samples []Sample
	var spans []Span
	for _, turn := range turns {
		spans = append(spans, turn.span)
		samples = append(samples, t.sample(c, turn.text, []Span{turn.span}, o))
	}
	if stable {
		return []Sample{t.sample(c, full.text, spans, o)}, nil
	}
	return samples, nil
}

// turnRange returns where message i lies in text, which ends with it: for an
// assistant, from the end of the generation prompt, for others from their
// content on.
func (t *Template) turnRange(c conversation.Conversation, messages []any, i int, text string, ends []string) (start, end int) {
	m := c.Messages[i]
	content := strings.TrimSpace(m.Content)
	if m.Role == "assistant" {
		if before, err := t.render(c, messages[:i], false, true); err == nil {
			if start = promptEnd(text, before.text, c.Messages[:i]); start >= 0 {
				return start, t.turnEnd(text, start, m, ends)
			}
			start = 0
		}
	}
	// Not every template can render a beginning that is empty, or writes the
	// generation prompt as it writes the turn.
	if i > 0 {
		if before, err := t.render(c, messages[:i], false, false); err == nil {
			start = commonPrefix(text, before.text)
		}
	}
	if at := strings.Index(text[start:], content); content != "" && at >= 0 {
		start += at
		if m.Role == "assistant" && strings.HasSuffix(text[:start], t.lead()) {
			start -= len(t.lead())
		}
	}
	return start, t.turnEnd(text, start, m, ends)
}

// promptEnd returns where the prompt for an answer ends in text, -1 where text does not hold it. A
// template may drop a part of the prompt once the answer follows, as Mistral Nemo's does with the system message:
// then it is the prompt from its last message on that is looked for.
func promptEnd(text, prompt string, before []conversation.Message) int {
	if strings.HasPrefix(text, prompt) {
		return len(prompt)
	}
	if len(before) == 0 {
		return -1
	}
	content := strings.TrimSpace(before[len(before)-1].Content)
	if at := strings.LastIndex(prompt, content); content != "" && at >= 0 {
		tail := prompt[at:]
		// A place where text and prompt are still the same is another one.
		if found := strings.LastIndex(text, tail); found >= 0 && found+len(tail) > commonPrefix(text, prompt) {
			return found + len(tail)
		}
	}
	return -1
}

// findLead returns what the template writes of an assistant's turn before its
// content, such as a space, in the plainest of conversations.
func (t *Template) findLead() string {
	messages, err := values([]conversation.Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "{b}"}})
	if err != nil {
		return ""
	}
	full, err := t.render(conversation.Conversation{}, messages, false, false)
	if err != nil {
		return ""
	}
	prompt, err := t.render(conversation.Conversation{}, messages[:1], false, true)
	before, _, found := strings.Cut(full.text, "{b}")
	if err != nil || !found || !strings.HasPrefix(before, prompt.text) {
		return ""
	}
	return before[len(prompt.text):]
}

// turnEnd returns the end of message m, whose turn begins at start of text and
// is the last there: after the first end-of-turn token behind the content; where
// none is known, without the space between the end-of-turn token and what
// follows, which the model is never asked to say. Where nothing but space follows
// the content, that is the end.
func (t *Template) turnEnd(text string, start int, m conversation.Message, ends []string) int {
	content := strings.TrimSpace(m.Content)
	run := lastRun(text[start:], t.findEnds(text[start:], ends))
	if content == "" || m.ToolCalls != "" {
		// What the turn says has no text of its own to look for.
		if len(run) > 0 {
			return start + run[0].End
		}
		return start + len(strings.TrimRightFunc(text[start:], unicode.IsSpace))
	}
	at := -1
	if len(run) > 0 { // a short content may be part of what closes the text
		at = strings.LastIndex(text[start:start+run[0].Start], content)
	}
	if at < 0 {
		at = strings.LastIndex(text[start:], content)
	}
	if at < 0 {
		return len(text)
	}
	after := start + at + len(content)
	if marks := t.findEnds(text[after:], ends); len(marks) > 0 {
		return after + marks[0].End
	}
	if strings.TrimSpace(text[after:]) == "" {
		return len(text)
	}
	return len(strings.TrimRightFunc(text, unicode.IsSpace))
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
