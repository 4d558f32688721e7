package container

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// readText reads a document a line, given as {"text": …}.
func readText(in *bufio.Reader, path string, yield func(Record) error) error {
	lines := lineReader{in: in, path: path}
	for number := 1; ; number++ {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		rec := Record{Source: path, Number: number, Line: lines.line}
		var b bytes.Buffer
		b.WriteString(`{"text":`)
		if err := putString(&b, string(raw)); err != nil {
			return err
		}
		b.WriteByte('}')
		rec.JSON = b.Bytes()
		if err := yield(rec); err != nil {
			return err
		}
	}
}

// lineReader gives the lines of a text that are not empty, without the space
// around them, and checks that they are UTF-8.
type lineReader struct {
	in   *bufio.Reader
	path string
	line int // of what next gave last, from 1
	buf  []byte
}

// next gives the next line, valid until the following call, or io.EOF.
func (l *lineReader) next() ([]byte, error) {
	for {
		whole, err := l.read()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		raw := bytes.TrimSpace(whole)
		if len(raw) == 0 {
			if err != nil {
				return nil, io.EOF
			}
			continue
		}
		if !utf8.Valid(raw) {
			return nil, fmt.Errorf("%s:%d: not UTF-8 at byte %d of the line; save the file as UTF-8", l.path, l.line, invalidAt(raw))
		}
		return raw, nil
	}
}

func (l *lineReader) read() ([]byte, error) {
	l.line++
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if len(l.buf) == 0 && err == nil {
			return part, nil
		}
		if l.buf = append(l.buf, part...); len(l.buf) > maxRecord {
			return nil, fmt.Errorf("%s:%d: the line is longer than %d MiB", l.path, l.line, maxRecord>>20)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s:%d: %w", l.path, l.line, err)
		default:
			return l.buf, err
		}
	}
}
