package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// addedToken is an entry of "added_tokens".
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// byteLevelStep is a "ByteLevel" pre-tokenizer, post-processor or decoder.
type byteLevelStep struct {
	Type           string `json:"type"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	TrimOffsets    bool   `json:"trim_offsets"`
	UseRegex       bool   `json:"use_regex"`
}

// bpeModel is the "model" of the file.
type bpeModel struct {
	Type                    string          `json:"type"`
	Dropout                 *float64        `json:"dropout"`
	UnkToken                *string         `json:"unk_token"`
	ContinuingSubwordPrefix *string         `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string         `json:"end_of_word_suffix"`
	FuseUnk                 bool            `json:"fuse_unk"`
	ByteFallback            bool            `json:"byte_fallback"`
	IgnoreMerges            bool            `json:"ignore_merges"`
	Vocab                   json.RawMessage `json:"vocab"`
	Merges                  [][2]string     `json:"merges"`
}

// tokenizerFile is tokenizer.json as Hugging Face's tokenizers 0.20 and later
// write it.
type tokenizerFile struct {
	Version       string        `json:"version"`
	Truncation    *struct{}     `json:"truncation"`
	Padding       *struct{}     `json:"padding"`
	AddedTokens   []addedToken  `json:"added_tokens"`
	Normalizer    *struct{}     `json:"normalizer"`
	PreTokenizer  byteLevelStep `json:"pre_tokenizer"`
	PostProcessor *struct{}     `json:"post_processor"`
	Decoder       byteLevelStep `json:"decoder"`
	Model         bpeModel      `json:"model"`
}

// encodeJSON is the vocabulary as the bytes of tokenizer.json.
func (v vocabulary) encodeJSON() ([]byte, error) {
	step := byteLevelStep{Type: "ByteLevel", TrimOffsets: true, UseRegex: true}
	file := tokenizerFile{Version: "1.0", PreTokenizer: step, Decoder: step}
	for id, content := range specials {
		file.AddedTokens = append(file.AddedTokens, addedToken{ID: id, Content: content, Special: true})
	}
	vocab, err := v.vocabJSON()
	if err != nil {
		return nil, err
	}
	file.Model = bpeModel{Type: "BPE", Vocab: vocab}
	for _, p := range v.merges {
		file.Model.Merges = append(file.Model.Merges, [2]string{v.tokens[p.left], v.tokens[p.right]})
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(file); err != nil {
		return nil, fmt.Errorf("writing the tokenizer as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// vocabJSON is the object of token texts and ids in the order of the ids,
// which a Go map would lose.
func (v vocabulary) vocabJSON() (json.RawMessage, error) {
	var b strings.Builder
	for id, token := range v.tokens {
		var name bytes.Buffer
		enc := json.NewEncoder(&name)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(token); err != nil {
			return nil, fmt.Errorf("writing token %d as JSON: %w", id, err)
		}
		separator := ","
		if id == 0 {
			separator = "{"
		}
		fmt.Fprintf(&b, "%s%s:%d", separator, bytes.TrimSpace(name.Bytes()), id)
	}
	return json.RawMessage(b.String() + "}"), nil
}
