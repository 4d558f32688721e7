package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Record is one raw record: a JSON value, and where it was found.
type Record struct {
	JSON   json.RawMessage
	Source string // file
	Number int    // from 1
	Line   int    // from 1; 0 where the container has no lines
}

// Place is where a person finds the record.
func (r Record) Place() string {
	if r.Line > 0 {
		return fmt.Sprintf("%s:%d (record %d)", r.Source, r.Line, r.Number)
	}
	return fmt.Sprintf("%s (record %d)", r.Source, r.Number)
}

// maxRecord bounds one record, in bytes.
const maxRecord = 64 << 20

// Read streams the records of a .json (an array), .jsonl (a value a line) or
// .txt (a document a line, given as {"text": …}) file to yield, which stops it by an error. Errors
// name the file and the record or line.
func Read(path string, yield func(Record) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return fmt.Errorf("dataset %s is a folder: name a .json, .jsonl or .txt file in it", path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".json":
		err = readArray(f, path, yield)
	case ".jsonl", ".ndjson":
		err = readLines(f, path, false, yield)
	case ".txt":
		err = readLines(f, path, true, yield)
	default:
		return fmt.Errorf("dataset %s: files that end in %q are not known; wanted .json (an array of records), .jsonl (a record a line) or .txt (a document a line)", path, ext)
	}
	return err
}

func readLines(r io.Reader, path string, text bool, yield func(Record) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxRecord)
	line, number := 0, 0
	for lines.Scan() {
		line++
		raw := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(raw) == 0 {
			continue
		}
		number++
		if !utf8.Valid(raw) {
			return fmt.Errorf("%s:%d: not UTF-8 at byte %d of the line; save the file as UTF-8", path, line, invalidAt(raw))
		}
		rec := Record{Source: path, Number: number, Line: line}
		if text {
			rec.JSON, _ = json.Marshal(map[string]string{"text": string(raw)})
		} else {
			rec.JSON = append(json.RawMessage(nil), raw...)
			if err := validJSON(raw); err != nil {
				return fmt.Errorf("%s:%d: record %d is not JSON: %w; a .jsonl file has one whole JSON object a line", path, line, number, err)
			}
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d MiB", path, line+1, maxRecord>>20)
	}
	return lines.Err()
}

func readArray(r io.Reader, path string, yield func(Record) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\ufeff")) {
		in.Discard(3)
	}
	d := json.NewDecoder(in)
	open, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: not JSON: %w", path, err)
	}
	if open != json.Delim('[') {
		return fmt.Errorf("%s: wanted a JSON array of records, found %v; for one record a line name the file .jsonl", path, open)
	}
	for number := 1; d.More(); number++ {
		rec := Record{Source: path, Number: number}
		if err := d.Decode(&rec.JSON); err != nil {
			return fmt.Errorf("%s: record %d, byte %d: not JSON: %w", path, number, d.InputOffset(), err)
		}
		if !utf8.Valid(rec.JSON) {
			return fmt.Errorf("%s: record %d is not UTF-8 at its byte %d; save the file as UTF-8", path, number, invalidAt(rec.JSON))
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: the array is not closed: %w; is the file cut off?", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: something follows the array, at byte %d; wanted one array of records", path, d.InputOffset())
	}
	return nil
}

// validJSON says what is wrong with raw.
func validJSON(raw []byte) error {
	if json.Valid(raw) {
		return nil
	}
	var v any
	return json.Unmarshal(raw, &v)
}

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
