package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Record is one raw record: a JSON value, and where it was found.
type Record struct {
	JSON   json.RawMessage
	Source string // file
	Number int    // in the file, from 1
	Line   int    // from 1; 0 where the container has no lines
}

// Place is where a person finds the record.
func (r Record) Place() string {
	if r.Line > 0 {
		return fmt.Sprintf("%s:%d (record %d)", r.Source, r.Line, r.Number)
	}
	return fmt.Sprintf("%s (record %d)", r.Source, r.Number)
}

// maxRecord bounds one record, in bytes; tests make it smaller.
var maxRecord = 64 << 20

// Read streams the records of one file to yield, which stops it by an error. What
// a record's bytes lie in is not used again. Errors name the file and the record or line.
func Read(path string, yield func(Record) error) error {
	kind, err := kindOf(path)
	if err != nil {
		return err
	}
	if kind == ".parquet" {
		return readParquet(path, yield)
	}
	f, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := text(f, path)
	if err != nil {
		return err
	}
	switch kind {
	case ".csv":
		return readTable(in, path, ',', yield)
	case ".tsv":
		return readTable(in, path, '\t', yield)
	case ".txt":
		return readText(in, path, yield)
	}
	return readJSON(in, path, yield)
}

// invalidAt is the place of the first byte that is not UTF-8, from 1.
func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i + 1
		}
		i += n
	}
	return 0
}

// putString writes text as a JSON string, with <, > and & as they are, so that
// a person can read it.
func putString(b *bytes.Buffer, text string) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder ends a line
	return nil
}
