package tokenizer

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// ParseTekken reads Mistral's tekken.json: byte-level BPE where the ranks of the tokens
// say what merges first, as in tiktoken. It encodes as mistral-common does: special
// tokens such as [INST] are not recognised in a text, and EncodeSpecial adds
// nothing. Load adds both.
func ParseTekken(data []byte) (*Tokenizer, error) {
	t, _, err := parseTekken(newNode(data, ""))
	if err != nil {
		return nil, err
	}
	return t, t.finish()
}

// tekkenDefaults are the special tokens of files that list none (up to version v7).
var tekkenDefaults = strings.Fields(`<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS]
	[/TOOL_RESULTS] [TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]`)

// tekkenToken is an entry of "vocab" or "special_tokens".
type tekkenToken struct {
	Rank  *int32
	Bytes string `json:"token_bytes"`
	Text  string `json:"token_str"`
}

// parseTekken also returns the special tokens, by id.
func parseTekken(n node) (*Tokenizer, []string, error) {
	config := n.at("config")
	size, err := config.intOr("default_vocab_size", 0)
	if err != nil {
		return nil, nil, err
	}
	reserved, err := config.intOr("default_num_special_tokens", 0)
	if err != nil {
		return nil, nil, err
	}
	if size > maxID || reserved > size {
		return nil, nil, config.errorf("default_vocab_size is %d and default_num_special_tokens %d, want at most %d and no more special tokens than tokens", size, reserved, maxID)
	}
	specials, err := tekkenSpecials(n, reserved)
	if err != nil {
		return nil, nil, err
	}
	var tokens []tekkenToken
	if err := n.at("vocab").decode(&tokens, "a list of tokens"); err != nil {
		return nil, nil, err
	}
	if len(tokens) < size-reserved {
		return nil, nil, n.at("vocab").errorf("has %d tokens, but config wants %d besides the %d special ones", len(tokens), size-reserved, reserved)
	}
	m, err := tekkenModel(n.at("vocab"), tokens[:size-reserved], int32(reserved))
	if err != nil {
		return nil, nil, err
	}
	pattern, err := config.str("pattern")
	if err != nil {
		return nil, nil, err
	}
	words, err := compilePattern(pattern)
	if err != nil {
		return nil, nil, config.at("pattern").errorf("%w", err)
	}
	t := &Tokenizer{model: m, split: isolate(words), decoder: decodeByteLevel, special: map[int32]bool{}, addedIDs: map[string]int32{}}
	for id := range specials {
		t.special[int32(id)] = true
	}
	return t, specials, nil
}

// tekkenSpecials lists the special tokens by id; places that have none are filled.
func tekkenSpecials(n node, reserved int) ([]string, error) {
	names := make([]string, reserved)
	for i := range names {
		names[i] = fmt.Sprintf("<SPECIAL_%d>", i)
	}
	list := n.at("special_tokens")
	if list.null() {
		copy(names, tekkenDefaults)
		return names, nil
	}
	var listed []tekkenToken
	if err := list.decode(&listed, "a list of tokens"); err != nil {
		return nil, err
	}
	for i, s := range listed {
		rank := int32(i)
		if s.Rank != nil {
			rank = *s.Rank
		}
		if rank < 0 || int(rank) >= reserved || s.Text == "" {
			return nil, list.errorf("token %d (%q) has the rank %d, want a text and a rank below config.default_num_special_tokens, %d", i, s.Text, rank, reserved)
		}
		names[rank] = s.Text
	}
	return names, nil
}

// tekkenModel reads the tokens' bytes.
func tekkenModel(n node, tokens []tekkenToken, first int32) (*bpe, error) {
	order := make([][]byte, len(tokens))
	for i, t := range tokens {
		b, err := base64.StdEncoding.DecodeString(t.Bytes)
		if err != nil {
			return nil, n.errorf("token %d: token_bytes is %q, want the bytes in base64", i, t.Bytes)
		}
		if t.Rank != nil && int(*t.Rank) != i {
			return nil, n.errorf("token %d has the rank %d: the tokens must come in the order of their ranks", i, *t.Rank)
		}
		order[i] = b
	}
	m, err := rankedModel(order, first)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return m, nil
}
