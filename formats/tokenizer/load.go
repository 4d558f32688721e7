package tokenizer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Load reads the tokenizer of a model: a tokenizer.json, a tekken.json, a
// SentencePiece model, a list of tokens in tiktoken's form, or a vocabulary with rules
// that the class in tokenizer_config.json has: vocab.json with merges.txt, vocab.txt. Which of them it is, the
// content says. A tokenizer.json holds everything. Beside the others, special tokens are recognised in a text,
// and the files that Parts lists say which there are and which are put around a text.
func Load(path string) (*Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parseFile(data, filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func parseFile(data []byte, dir, name string) (*Tokenizer, error) {
	start := bytes.TrimLeft(data[:min(len(data), 100)], " \t\r\n")
	switch {
	case filepath.Ext(name) == ".txt":
		return parseWordsFolder(string(data), dir)
	case IsTiktoken(data):
		return parseTiktokenFolder(data, dir)
	case len(start) == 0 || start[0] != '{':
		return parseSPMFolder(data, dir)
	}
	root := newNode(data, "")
	switch {
	case !root.at("model").null() && root.at("model").raw[0] == '{':
		return Parse(data)
	case !root.at("vocab").null() && !root.at("config").null() && root.at("config").raw[0] == '{':
		return parseTekkenFolder(root, dir)
	case name == "vocab.json":
		return parseMergesFolder(root, dir)
	}
	return Parse(data)
}

func parseTekkenFolder(root node, dir string) (*Tokenizer, error) {
	t, specials, err := parseTekken(root)
	if err != nil {
		return nil, err
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	for id, name := range specials {
		t.added = append(t.added, addedToken{id: int32(id), content: name, special: true})
	}
	if err := s.addTo(t); err != nil {
		return nil, err
	}
	s.around(t, int32(slices.Index(specials, "<s>")), int32(slices.Index(specials, "</s>")), true, false)
	return t, t.finish()
}
