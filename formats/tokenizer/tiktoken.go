package tokenizer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// tiktokenLine is a line of a list of tokens in the form of OpenAI's tiktoken: the
// bytes in base64, and the rank.
var tiktokenLine = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2} [0-9]+\r?(\n|$)`)

// IsTiktoken says whether a file is such a list.
func IsTiktoken(data []byte) bool { return tiktokenLine.Match(data[:min(len(data), 4096)]) }

// tiktokens are the lists of which the rules are known: they are not in the file.
var tiktokens = []struct {
	of       string
	size     int // tokens in the file
	pattern  string
	form     normalizer
	bos      string
	specials func() []string // behind those of the file
}{
	{"Llama 3", 128000, llama3Pattern, nil, "<|begin_of_text|>", llama3Specials},
	{"Qwen 1", 151643, qwenPattern, formNormalizer(norm.NFC), "", qwenSpecials},
}

// llama3Specials are the 256 special tokens of Llama 3.1. Llama 3 has the same ones in the same
// places, but for three that it calls reserved.
func llama3Specials() []string {
	names := strings.Fields(`<|begin_of_text|> <|end_of_text|> <|reserved_special_token_0|> <|reserved_special_token_1|> <|finetune_right_pad_id|>
		<|reserved_special_token_2|> <|start_header_id|> <|end_header_id|> <|eom_id|> <|eot_id|> <|python_tag|>`)
	for i := 3; len(names) < 256; i++ {
		names = append(names, fmt.Sprintf("<|reserved_special_token_%d|>", i))
	}
	return names
}

func qwenSpecials() []string {
	names := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	for i := range 205 {
		names = append(names, fmt.Sprintf("<|extra_%d|>", i))
	}
	return names
}

// parseTiktokenFolder reads Llama 3's original tokenizer.model or Qwen's
// qwen.tiktoken. Which one it is, the number of tokens says.
func parseTiktokenFolder(data []byte, dir string) (*Tokenizer, error) {
	tokens, err := parseTiktoken(data)
	if err != nil {
		return nil, err
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	for _, k := range tiktokens {
		if k.size != len(tokens) {
			continue
		}
		m, err := rankedModel(tokens, 0)
		if err != nil {
			return nil, err
		}
		words, err := compilePattern(k.pattern)
		if err != nil {
			return nil, err
		}
		t := &Tokenizer{model: m, normalize: k.form, split: isolate(words), decoder: decodeByteLevel, special: map[int32]bool{}, addedIDs: map[string]int32{}}
		for i, name := range k.specials() {
			t.added = append(t.added, addedToken{id: int32(k.size + i), content: name, special: true})
		}
		if err := s.addTo(t); err != nil {
			return nil, err
		}
		if err := t.finish(); err != nil {
			return nil, err
		}
		bos := int32(-1)
		if id, ok := t.ID(k.bos); ok {
			bos = id
		}
		s.around(t, bos, -1, true, false)
		return t, nil
	}
	return nil, fmt.Errorf("this is a list of %d tokens in tiktoken's form, which says neither how a text is cut into words nor which tokens are special; "+
		"known are those of %s (%d tokens) and %s (%d); take a folder with the model's tokenizer.json",
		len(tokens), tiktokens[0].of, tiktokens[0].size, tiktokens[1].of, tiktokens[1].size)
}

// parseTiktoken reads the tokens' bytes, in the order of their ranks.
func parseTiktoken(data []byte) ([][]byte, error) {
	var tokens [][]byte
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		encoded, rank, ok := strings.Cut(string(line), " ")
		b, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !ok {
			return nil, fmt.Errorf("line %d is %q, want a token in base64 and its rank", len(tokens)+1, clip(line))
		}
		if n, err := strconv.Atoi(rank); err != nil || n != len(tokens) {
			return nil, fmt.Errorf("line %d has the rank %q, want %d: the tokens must come in the order of their ranks", len(tokens)+1, rank, len(tokens))
		}
		if len(tokens) == maxID {
			return nil, fmt.Errorf("it has more than %d tokens", maxID)
		}
		tokens = append(tokens, b)
	}
	return tokens, nil
}
