package chat

import (
	"slices"

	"github.com/loraedge/loraedge/formats/tokenizer"
)

// Tokens are a sample's tokens.
type Tokens struct {
	IDs []int32
	// Weights say how much predicting the token of the same index is trained. They
	// are not shifted; the first is 0, because nothing predicts it.
	Weights []float32
}

// Tokenize brings a sample into tokens. Its text is tokenised whole; special tokens
// are added only as the sample says. A token is trained when a part of it
// lies in a trained span, as in Transformers; a special token, which may take space around it
// along, when it begins there.
func Tokenize(tok *tokenizer.Tokenizer, s Sample) (Tokens, error) {
	tokens, err := tok.EncodeLiteral(s.Text, s.Breaks)
	if err != nil {
		return Tokens{}, err
	}
	var out Tokens
	add := func(id int32, weight float32) {
		out.IDs = append(out.IDs, id)
		out.Weights = append(out.Weights, weight)
	}
	if s.Around {
		before, _ := tok.Around()
		if !startsWith(tokens, before) {
			for _, id := range before {
				add(id, 0)
			}
		}
	}
	next := 0
	for _, t := range tokens {
		for next < len(s.Spans) && s.Spans[next].End <= t.Start {
			next++
		}
		w := float32(0)
		if next < len(s.Spans) {
			start := s.Spans[next].Start
			if start <= t.Start || start < t.End && !tok.IsSpecial(t.ID) {
				w = float32(s.Spans[next].Weight)
			}
		}
		add(t.ID, w)
	}
	if eos, ok := tok.ID(s.EOS); ok && s.EOS != "" && !endsTurn(out.IDs, eos, tok) {
		add(eos, float32(s.EOSWeight))
	}
	if len(out.Weights) > 0 {
		out.Weights[0] = 0
	}
	return out, nil
}

func startsWith(tokens []tokenizer.Token, ids []int32) bool {
	return len(tokens) >= len(ids) && slices.EqualFunc(tokens[:len(ids)], ids, func(t tokenizer.Token, id int32) bool { return t.ID == id })
}

// endsTurn says whether the last token, space aside, is eos or another special one.
func endsTurn(ids []int32, eos int32, tok *tokenizer.Tokenizer) bool {
	for i := len(ids) - 1; i >= 0; i-- {
		if ids[i] == eos || tok.IsSpecial(ids[i]) {
			return true
		}
		for _, r := range tok.Decode(ids[i:i+1], false) {
			if r != ' ' && r != '\n' && r != '\r' && r != '\t' {
				return false
			}
		}
	}
	return false
}
