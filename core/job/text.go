package job

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// Text is a model's text side: tokenizer, chat template, and what ends an answer.
type Text struct {
	Tokenizer *tokenizer.Tokenizer
	Template  *chat.Template
	Options   chat.Options
	// About says which template is used, and why.
	About string
	// Stop are the tokens that end an answer.
	Stop []int32
	// Own is the template's name among the model's own, "" for a built-in or a file.
	Own string

	path    string // of the tokenizer
	special chat.Special
}

func (j *Job) openText() (*Text, error) {
	b, c := j.Base, j.Config
	path, err := b.Folder.TokenizerPath()
	if err != nil {
		return nil, err
	}
	t := &Text{path: path}
	if t.Tokenizer, err = tokenizer.Load(path); err != nil {
		return nil, err
	}
	if n := t.Tokenizer.VocabSize(); n > b.Graph.Vocab {
		last, _ := t.Tokenizer.TokenText(int32(n - 1))
		return nil, fmt.Errorf("the tokenizer %s has %d tokens (the last is %q), the model's vocabulary only %d: they do not belong together, "+
			"or tokens were added that the model was never enlarged for; take the tokenizer that came with the model", path, n, last, b.Graph.Vocab)
	}
	if t.special, err = specialTokens(b.Folder); err != nil {
		return nil, err
	}
	if err := t.chooseTemplate(j, b.Folder, c, t.special); err != nil {
		return nil, err
	}
	t.findStops(b.Folder, t.special)
	t.Options = chat.Options{RolesToTrain: c.Data.RolesToTrain, LastTurnOnly: c.Data.MaskHistory, TrainOnInputs: c.Data.TrainOnInputs, TrainOnEOS: c.Data.TrainOnEOS}
	if c.Data.SplitSpecialTokens {
		t.Options.Literal = t.Tokenizer.SpecialTexts()
	}
	for _, id := range t.Stop {
		if text, ok := t.Tokenizer.TokenText(id); ok {
			t.Options.EndOfTurn = append(t.Options.EndOfTurn, text)
		}
	}
	return t, nil
}

func specialTokens(f *huggingface.Folder) (chat.Special, error) {
	special := chat.Special{}
	for _, key := range []string{"bos_token", "eos_token", "pad_token", "unk_token"} {
		text, ok, err := f.SpecialToken(key)
		if err != nil {
			return nil, err
		}
		if ok {
			special[key] = text
		}
	}
	return special, nil
}

// chooseTemplate takes the template that is asked for; a model without one of
// its own gets "alpaca" for alpaca data and "chatml" otherwise.
func (t *Text) chooseTemplate(j *Job, f *huggingface.Folder, c *config.Config, special chat.Special) error {
	asked := c.Data.ChatTemplate
	var err error
	own, has := f.ChatTemplate(cmp.Or(asked.Own, huggingface.DefaultTemplate))
	switch {
	case asked.Name == "":
		source, readErr := os.ReadFile(asked.File.Name)
		if readErr != nil {
			return fmt.Errorf("chat_template: %w", readErr)
		}
		t.About = "the file " + asked.File.Text
		t.Template, err = chat.New(asked.File.Text, string(source), special)
	case asked.Name != "tokenizer":
		t.About = fmt.Sprintf("%q, as chat_template asks", asked.Name)
		t.Template, err = chat.Builtin(asked.Name, special)
	case asked.Own != "" && !has:
		return noTemplate(f, asked.Own)
	case has:
		t.About, t.Own = "the model's own", own.Name
		if own.Name != huggingface.DefaultTemplate {
			t.About += fmt.Sprintf(", %q", own.Name)
		}
		t.Template, err = chat.New(own.Path, own.Text, special)
	default:
		name := "chatml"
		if len(j.sources) > 0 {
			if j.sources[0].err != nil { // the type is what decides
				return j.sources[0].err
			}
			if j.sources[0].Type == "alpaca" {
				name = "alpaca"
			}
		}
		t.About = fmt.Sprintf("%q, since the model has none of its own", name)
		t.Template, err = chat.Builtin(name, special)
	}
	return err
}

// noTemplate says which templates of its own a model has instead of the one asked for.
func noTemplate(f *huggingface.Folder, asked string) error {
	var names []string
	for _, t := range f.ChatTemplates {
		names = append(names, fmt.Sprintf("%q", t.Name))
	}
	has := "it has none of its own"
	if len(names) > 0 {
		has = "it has " + strings.Join(names, ", ")
	}
	return fmt.Errorf("chat_template asks for the model's template %q, which %s does not have; %s", asked, f.Dir, has)
}

// findStops are the model's end tokens, the tokenizer's and the template's: a base
// model's own settings know nothing of the template that it is trained with.
func (t *Text) findStops(f *huggingface.Folder, special chat.Special) {
	for _, id := range f.EOSTokenIDs {
		t.Stop = append(t.Stop, int32(id))
	}
	for _, text := range []string{special["eos_token"], t.Template.EndOfTurn(t.Tokenizer)} {
		if id, ok := t.Tokenizer.ID(text); ok && !slices.Contains(t.Stop, id) {
			t.Stop = append(t.Stop, id)
		}
	}
}

// Encode brings a conversation into tokens. Of a preference pair come two
// examples, in each of which the answer alone is trained.
func (t *Text) Encode(c conversation.Conversation) (data.Encoded, error) {
	out := data.Encoded{Mark: t.mark(c), EmptyAnswer: hasEmptyAnswer(c), Reversed: isReversed(c)}
	kind := data.Plain
	switch {
	case len(c.Rejected) > 0:
		kind = data.Chosen
	case c.Label != nil && *c.Label:
		kind = data.Desirable
	case c.Label != nil:
		kind = data.Undesirable
	}
	rejected := c.Rejected
	c.Rejected = nil
	var err error
	out.Examples, out.Lost, err = t.examples(c, kind)
	if err != nil || kind != data.Chosen {
		return out, err
	}
	c.Messages, c.Fields = rejected, nil
	worse, lost, err := t.examples(c, data.Rejected)
	out.Examples, out.Lost = append(out.Examples, worse...), out.Lost || lost
	return out, err
}

// examples makes the examples of one conversation; lost says that a part of it is in none.
func (t *Text) examples(c conversation.Conversation, kind data.Kind) (examples []data.Example, lost bool, err error) {
	samples, err := t.Template.Render(c, t.Options)
	if err != nil {
		return nil, false, err
	}
	if kind != data.Plain && len(samples) != 1 {
		return nil, false, fmt.Errorf("the chat template makes %d texts of the record's answer, want one", len(samples))
	}
	for _, s := range samples {
		tokens, err := chat.Tokenize(t.Tokenizer, s)
		if err != nil {
			return nil, false, err
		}
		examples = append(examples, data.Example{IDs: tokens.IDs, Weights: tokens.Weights, Kind: kind})
	}
	return examples, isLost(c, samples), nil
}

// Prompt brings a conversation into the tokens after which the answer comes.
func (t *Text) Prompt(c conversation.Conversation) ([]int32, error) {
	o := t.Options
	o.AddGenerationPrompt = true
	samples, err := t.Template.Render(c, o)
	if err != nil {
		return nil, err
	}
	tokens, err := chat.Tokenize(t.Tokenizer, samples[len(samples)-1])
	return tokens.IDs, err
}
