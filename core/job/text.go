package job

import (
	"fmt"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// Text is a model's text side.
type Text struct {
	Tokenizer *tokenizer.Tokenizer
	About     string
	Stop      []int32
	eos       int32 // ends a document; -1 where there is none
}

func openText(b *model.Base, c *config.Config) (*Text, error) {
	path, err := b.Folder.TokenizerPath()
	if err != nil {
		return nil, err
	}
	t := &Text{eos: -1}
	if t.Tokenizer, err = tokenizer.Load(path); err != nil {
		return nil, err
	}
	if n := t.Tokenizer.VocabSize(); n > b.Graph.Vocab {
		return nil, fmt.Errorf("the tokenizer %s has %d tokens, the model's vocabulary only %d: they do not belong together", path, n, b.Graph.Vocab)
	}
	if text, ok, err := b.Folder.SpecialToken("eos_token"); err != nil {
		return nil, err
	} else if id, known := t.Tokenizer.ID(text); ok && known {
		t.eos = id
	}
	for _, id := range b.Folder.EOSTokenIDs {
		t.Stop = append(t.Stop, int32(id))
	}
	return t, nil
}

// Encode brings a conversation into tokens.
func (t *Text) Encode(c conversation.Conversation) ([]data.Example, error) {
	tokens, err := t.Tokenizer.Encode(c.Text)
	if err != nil {
		return nil, err
	}
	var e data.Example
	for _, k := range tokens {
		e.IDs = append(e.IDs, k.ID)
		e.Weights = append(e.Weights, 1)
	}
	if n := len(e.IDs); t.eos >= 0 && n > 0 && !t.Tokenizer.IsSpecial(e.IDs[n-1]) {
		e.IDs = append(e.IDs, t.eos)
		e.Weights = append(e.Weights, 1)
	}
	return []data.Example{e}, nil
}

// Prompt brings a conversation into the tokens after which the answer comes.
func (t *Text) Prompt(c conversation.Conversation) ([]int32, error) {
	tokens, err := t.Tokenizer.Encode("<|im_start|>user\n" + c.Messages[0].Content + "<|im_end|>\n<|im_start|>assistant\n")
	var ids []int32
	for _, k := range tokens {
		ids = append(ids, k.ID)
	}
	return ids, err
}
