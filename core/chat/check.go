package chat

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// Kinds of problems.
const (
	ForeignTokens  = "foreign_tokens"  // the template is another model's
	DoubleBOS      = "double_bos"      // a text begins twice
	NothingTrained = "nothing_trained" // no token of an answer is trained
	EndUntrained   = "end_untrained"   // an answer is not taught to end
	PromptTrained  = "prompt_trained"  // the generation prompt is trained as if the model had to say it
	PromptDiffers  = "prompt_differs"  // answers follow another text in training than when the model is asked
	NoPrompt       = "no_prompt"       // the generation prompt does not say whose turn it is: the model has to
)

// Problem is what looks wrong with a template, a tokenizer and options
// together, before any record is read.
type Problem struct {
	Kind string // one of the constants
	Text string // for a person
}

// probe is the plainest conversation; its texts are in no template.
var probe = conversation.Conversation{Messages: []conversation.Message{
	{Role: "user", Content: "Qux?"}, {Role: "assistant", Content: "Zyx."},
}}

// Problems lays out a plain conversation as Render and Tokenize do and says what is a
// mistake as often as not. A template that refuses that conversation has
// none: records will tell.
func (t *Template) Problems(tok *tokenizer.Tokenizer, o Options) []Problem {
	o.AddGenerationPrompt = false
	samples, err := t.Render(probe, o)
	if err != nil || len(samples) == 0 {
		return nil
	}
	sample := samples[0]
	var all []Problem
	add := func(kind, format string, args ...any) { all = append(all, Problem{kind, fmt.Sprintf(format, args...)}) }
	if foreign := t.foreign(tok, sample.Text); len(foreign) > 0 {
		add(ForeignTokens, "the chat template writes %s, which the tokenizer does not know as one token: is it the template of another model?", strings.Join(foreign, " and "))
	}
	tokens, err := Tokenize(tok, sample)
	if err != nil {
		return all
	}
	if bos, ok := tok.ID(t.special["bos_token"]); ok && len(tokens.IDs) > 1 && tokens.IDs[0] == bos && tokens.IDs[1] == bos {
		add(DoubleBOS, "texts begin with %s twice", t.special["bos_token"])
	}
	last := lastTrained(tok, tokens)
	if last < 0 {
		add(NothingTrained, "no token of an answer is trained: look at roles_to_train and the template's generation blocks")
		return all
	}
	if o.TrainOnEOS != "none" && !t.isEnd(tok, tokens.IDs[last], o.EndOfTurn) {
		add(EndUntrained, "the end of an answer is not trained (the last trained token is %q): the model does not learn to stop", tok.Decode(tokens.IDs[last:last+1], false))
	}
	return append(all, t.promptProblems(sample, o)...)
}

// lastTrained is the last trained token that is not space, which with train_on_inputs may follow the
// end of a turn; -1 where none is trained.
func lastTrained(tok *tokenizer.Tokenizer, tokens Tokens) int {
	last := len(tokens.IDs) - 1
	for last >= 0 && (tokens.Weights[last] == 0 || strings.TrimSpace(tok.Decode(tokens.IDs[last:last+1], false)) == "") {
		last--
	}
	return last
}

// promptProblems compares what is asked of the model with what it is trained on.
func (t *Template) promptProblems(sample Sample, o Options) []Problem {
	asked := probe
	asked.Messages = asked.Messages[:1]
	prompt, err := t.Render(asked, Options{AddGenerationPrompt: true})
	if err != nil || o.TrainOnInputs || !o.assistantOnly(probe.Messages) || len(sample.Spans) == 0 {
		return nil
	}
	text, start := prompt[0].Text, sample.Spans[0].Start
	lead, _, _ := strings.Cut(sample.Text[start:], probe.Messages[1].Content)
	switch {
	case !strings.HasPrefix(sample.Text, text):
		return []Problem{{PromptDiffers, fmt.Sprintf("the model is asked with %q and trained to answer after %q", tail(text), tail(sample.Text[:start]))}}
	case start < len(text):
		return []Problem{{PromptTrained, fmt.Sprintf("%q of the generation prompt is trained as a part of the answer", text[start:])}}
	case strings.Contains(strings.ToLower(lead), "assistant"):
		return []Problem{{NoPrompt, fmt.Sprintf("the model has to write %q itself before each answer: does the template lack {%% if add_generation_prompt %%}?", lead)}}
	}
	return nil
}

func tail(text string) string {
	runes := []rune(text)
	return string(runes[max(0, len(runes)-40):])
}

// writtenToken is text that has the form of a special token.
var writtenToken = regexp.MustCompile(`<\|[a-zA-Z0-9_]+\|>|<(?:start|end)_of_turn>|\[/?(?:INST|AVAILABLE_TOOLS|SYSTEM_PROMPT)\]`)

// plainMarks are written as plain text by models in use (Llama 2 and the first Mistral;
// Zephyr, TinyLlama), whose tokenizers have no tokens for them.
var plainMarks = []string{"[INST]", "[/INST]", "<|user|>", "<|assistant|>", "<|system|>"}

// foreign returns what the template writes in the form of special tokens and the
// tokenizer does not know; nothing where all of it may be plain text.
func (t *Template) foreign(tok *tokenizer.Tokenizer, text string) []string {
	var foreign []string
	for _, m := range writtenToken.FindAllString(text, -1) {
		if _, known := tok.ID(m); !known && !slices.Contains(foreign, m) {
			foreign = append(foreign, m)
		}
	}
	if !slices.ContainsFunc(foreign, func(m string) bool { return !slices.Contains(plainMarks, m) }) {
		return nil
	}
	return foreign
}

// isEnd says whether a token ends a turn: a special one or one of ends.
func (t *Template) isEnd(tok *tokenizer.Tokenizer, id int32, ends []string) bool {
	text, _ := tok.TokenText(id)
	return tok.IsSpecial(id) || text != "" && slices.Contains(ends, text)
}

// EndOfTurn returns the special token that the template writes behind an
// answer, "" where it writes none: a model that was trained with the template stops with it,
// whatever its own settings say.
func (t *Template) EndOfTurn(tok *tokenizer.Tokenizer) string {
	samples, err := t.Render(probe, Options{})
	if err != nil || len(samples) == 0 {
		return ""
	}
	_, after, found := strings.Cut(samples[0].Text, probe.Messages[1].Content)
	after = strings.TrimSpace(after)
	end := ""
	for _, id := range tok.SpecialIDs() {
		if text, ok := tok.TokenText(id); ok && found && strings.HasPrefix(after, text) && len(text) > len(end) {
			end = text
		}
	}
	return end
}
