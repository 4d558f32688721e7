package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// The vocabulary's size, as config.json of the demo model has it, and how
// many documents of the corpus are read: the words are the same all over it.
const (
	defaultSize      = 2048
	defaultDocuments = 10_000
)

func main() {
	corpus := flag.String("corpus", "", "the corpus: a JSON object with \"text\" a line")
	documents := flag.Int("documents", defaultDocuments, "how many documents to read")
	size := flag.Int("size", defaultSize, "tokens in the vocabulary")
	out := flag.String("out", "", "write tokenizer.json to this file")
	flag.Parse()
	if err := run(*corpus, *documents, *size, *out); err != nil {
		fmt.Fprintln(os.Stderr, "tokenizer:", err)
		os.Exit(1)
	}
}

func run(corpus string, documents, size int, out string) error {
	f, err := os.Open(corpus)
	if err != nil {
		return fmt.Errorf("opening the corpus: %w", err)
	}
	defer f.Close()
	counts, err := readWords(f, documents)
	if err != nil {
		return fmt.Errorf("reading the corpus %s: %w", corpus, err)
	}
	v := train(counts, size)
	if len(v.tokens) != size {
		return fmt.Errorf("the corpus %s gives %d tokens, not %d: read more documents or ask for fewer tokens", corpus, len(v.tokens), size)
	}
	text, err := v.encodeJSON()
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// readWords counts the words of the first documents of a corpus.
func readWords(r io.Reader, documents int) (map[string]int, error) {
	counts := map[string]int{}
	dec := json.NewDecoder(bufio.NewReader(r))
	for n := range documents {
		var doc struct{ Text string }
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n+1, err)
		}
		if err := countWords(counts, doc.Text); err != nil {
			return nil, fmt.Errorf("document %d: %w", n+1, err)
		}
	}
	return counts, nil
}
