package tokenizer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// parseMergesFolder reads vocab.json, an object of token ids, with merges.txt, the
// pairs of tokens that merge, the first pair first.
func parseMergesFolder(words node, dir string) (*Tokenizer, error) {
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	c, err := s.findClass("vocab.json", false)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "merges.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("vocab.json wants merges.txt beside it: %w", err)
	}
	if at := invalidUTF8(string(text)); at >= 0 {
		return nil, fmt.Errorf("%s: invalid UTF-8 at byte %d", path, at)
	}
	merges := []string{}
	for _, line := range lines(string(text)) {
		if line != "" && !strings.HasPrefix(line, "#version") {
			merges = append(merges, line)
		}
	}
	return s.assemble(c, object{"type": "BPE", "vocab": words.raw, "merges": merges})
}

// parseWordsFolder reads BERT's vocab.txt: a token a line, whose number is its id.
func parseWordsFolder(text, dir string) (*Tokenizer, error) {
	if at := invalidUTF8(text); at >= 0 {
		return nil, fmt.Errorf("invalid UTF-8 at byte %d", at)
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	c, err := s.findClass("vocab.txt", true)
	if err != nil {
		return nil, err
	}
	all := lines(text)
	if len(all) > maxID {
		return nil, fmt.Errorf("it has %d lines, want at most %d", len(all), maxID)
	}
	words := make(vocab, len(all))
	for i, line := range all {
		words[line] = int32(i)
	}
	unk := "[UNK]"
	if named, ok := s.named["unk_token"]; ok {
		unk = named.content
	}
	return s.assemble(c, object{"type": "WordPiece", "vocab": words, "unk_token": unk, "max_input_chars_per_word": 100, "continuing_subword_prefix": "##"})
}

// lines cuts a text at line ends, of which the last closes the last line.
func lines(text string) []string {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	return strings.Split(text, "\n")
}
