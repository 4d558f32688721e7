package job

import (
	"fmt"
	"os"
	"slices"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/model"
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
}

func openText(b *model.Base, c *config.Config) (*Text, error) {
	path, err := b.Folder.TokenizerPath()
	if err != nil {
		return nil, err
	}
	t := &Text{}
	if t.Tokenizer, err = tokenizer.Load(path); err != nil {
		return nil, err
	}
	if n := t.Tokenizer.VocabSize(); n > b.Graph.Vocab {
		return nil, fmt.Errorf("the tokenizer %s has %d tokens, the model's vocabulary only %d: they do not belong together", path, n, b.Graph.Vocab)
	}
	special, err := specialTokens(b.Folder)
	if err != nil {
		return nil, err
	}
	if err := t.chooseTemplate(b.Folder, c, special); err != nil {
		return nil, err
	}
	t.findStops(b.Folder, special)
	t.Options = chat.Options{RolesToTrain: c.Data.RolesToTrain, TrainOnInputs: c.Data.TrainOnInputs, TrainOnEOS: c.Data.TrainOnEOS}
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
func (t *Text) chooseTemplate(f *huggingface.Folder, c *config.Config, special chat.Special) error {
	asked := c.Data.ChatTemplate
	var err error
	switch own, has := f.ChatTemplate(huggingface.DefaultTemplate); {
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
	case has:
		t.About = "the model's own"
		t.Template, err = chat.New(own.Path, own.Text, special)
	default:
		name := "chatml"
		if len(c.Datasets) > 0 && c.Datasets[0].Type == "alpaca" {
			name = "alpaca"
		}
		t.About = fmt.Sprintf("%q, since the model has none of its own", name)
		t.Template, err = chat.Builtin(name, special)
	}
	return err
}

// findStops are the model's end tokens and the tokenizer's.
func (t *Text) findStops(f *huggingface.Folder, special chat.Special) {
	for _, id := range f.EOSTokenIDs {
		t.Stop = append(t.Stop, int32(id))
	}
	if id, ok := t.Tokenizer.ID(special["eos_token"]); ok && !slices.Contains(t.Stop, id) {
		t.Stop = append(t.Stop, id)
	}
}

// Encode brings a conversation into tokens.
func (t *Text) Encode(c conversation.Conversation) ([]data.Example, error) {
	samples, err := t.Template.Render(c, t.Options)
	if err != nil {
		return nil, err
	}
	var examples []data.Example
	for _, s := range samples {
		tokens, err := chat.Tokenize(t.Tokenizer, s)
		if err != nil {
			return nil, err
		}
		examples = append(examples, data.Example{IDs: tokens.IDs, Weights: tokens.Weights})
	}
	return examples, nil
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
