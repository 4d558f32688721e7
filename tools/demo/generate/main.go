package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The seed and size that the committed tokenizer, model and data come from.
const (
	defaultSeed      = 1
	defaultDocuments = 40_000
)

func main() {
	seed := flag.Uint64("seed", defaultSeed, "seed of all choices")
	documents := flag.Int("documents", defaultDocuments, "documents in the corpus")
	corpus := flag.String("corpus", "", "write the corpus to this file, a JSON object with \"text\" a line")
	data := flag.String("data", "", "write train.json and test.json to this folder")
	flag.Parse()
	if err := run(*seed, *documents, *corpus, *data); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(seed uint64, documents int, corpus, data string) error {
	if corpus != "" {
		err := writeFile(corpus, func(w io.Writer) error { return writeCorpus(w, seed, documents) })
		if err != nil {
			return fmt.Errorf("writing the corpus: %w", err)
		}
	}
	if data != "" {
		train, test := records(seed)
		for name, list := range map[string][]record{"train.json": train, "test.json": test} {
			err := writeFile(filepath.Join(data, name), func(w io.Writer) error { return writeRecords(w, list) })
			if err != nil {
				return fmt.Errorf("writing the fine-tune data: %w", err)
			}
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func writeCorpus(w io.Writer, seed uint64, documents int) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	g := newGenerator(seed)
	for range documents {
		if err := enc.Encode(map[string]string{"text": g.document()}); err != nil {
			return err
		}
	}
	return nil
}

// writeRecords writes a JSON array with a record a line, so that a diff shows
// which record changed.
func writeRecords(w io.Writer, list []record) error {
	opening := "[\n"
	for _, r := range list {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", opening, line); err != nil {
			return err
		}
		opening = ",\n"
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
