package container

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// readTable reads a CSV or TSV file: a header of column names, then a record
// a row, all values strings. Quoted values may go over several lines.
func readTable(in io.Reader, path string, comma rune, yield func(Record) error) error {
	limit := &budget{in: in, left: maxRecord, separator: byte(comma)}
	r := csv.NewReader(limit)
	r.Comma, r.ReuseRecord = comma, true
	row, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return tableError(path, "the header", err, nil)
	}
	header, err := tableHeader(path, row, comma)
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		limit.left, limit.values = maxRecord, 0
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return tableError(path, fmt.Sprintf("record %d", number), err, header)
		}
		line, _ := r.FieldPos(0)
		rec := Record{Source: path, Number: number, Line: line}
		if rec.JSON, err = tableRecord(header, row); err != nil {
			return fmt.Errorf("%s:%d (record %d): %w", path, line, number, err)
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
}

// tableHeader checks the column names, and gives them as JSON strings.
func tableHeader(path string, row []string, comma rune) ([]string, error) {
	seen := map[string]bool{}
	header := make([]string, len(row))
	for i, name := range row {
		name = strings.TrimSpace(name)
		switch {
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("%s:1: the header is not UTF-8; save the file as UTF-8", path)
		case seen[name]:
			return nil, fmt.Errorf("%s:1: the header names the column %q twice", path, name)
		}
		seen[name] = true
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		header[i] = string(quoted)
	}
	if len(row) == 1 {
		for _, other := range ";\t," {
			if other != comma && strings.ContainsRune(row[0], other) {
				return nil, fmt.Errorf("%s:1: the header %q is one column: columns stand apart by %q here; save the table with commas as .csv, or with tabs as .tsv", path, row[0], string(other))
			}
		}
	}
	return header, nil
}

func tableRecord(header, row []string) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, value := range row {
		if b.Len() > maxRecord {
			return nil, fmt.Errorf("the record is longer than %d MiB", maxRecord>>20)
		}
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the column %s is not UTF-8 at byte %d; save the file as UTF-8", header[i], invalidAt([]byte(value)))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(header[i])
		b.WriteByte(':')
		if err := putString(&b, value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// tableError says what is wrong with a row, in the words of tables.
func tableError(path, what string, err error, header []string) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("%s: %s: %w", path, what, err)
	}
	line := parse.StartLine
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("%s:%d: %s has another number of values than the header, which has %d (%s); a value that holds the separator, a line's end or a quote stands in \"quotes\"",
			path, line, what, len(header), strings.Join(header, ", "))
	case errors.Is(err, csv.ErrQuote) || errors.Is(err, csv.ErrBareQuote):
		return fmt.Errorf("%s:%d: %s, column %d: a quote is open or in the wrong place; within \"quotes\" a quote is written twice", path, parse.Line, what, parse.Column)
	}
	return fmt.Errorf("%s:%d: %s: %w", path, line, what, parse.Err)
}
