package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/loraedge/loraedge/tools/demo/corpus"
)

func main() {
	seed := flag.Uint64("seed", corpus.DefaultSeed, "seed of all choices")
	documents := flag.Int("documents", corpus.DefaultDocuments, "documents in the corpus")
	texts := flag.String("corpus", "", "write the corpus to this file, a JSON object with \"text\" a line")
	data := flag.String("data", "", "write train.json and test.json to this folder")
	flag.Parse()
	if err := run(*seed, *documents, *texts, *data); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(seed uint64, documents int, texts, data string) error {
	if texts != "" {
		err := writeFile(texts, func(w io.Writer) error { return corpus.Write(w, seed, documents) })
		if err != nil {
			return fmt.Errorf("writing the corpus: %w", err)
		}
	}
	if data != "" {
		train, test := corpus.Records(seed)
		for name, list := range map[string][]corpus.Record{"train.json": train, "test.json": test} {
			err := writeFile(filepath.Join(data, name), func(w io.Writer) error { return corpus.WriteRecords(w, list) })
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
