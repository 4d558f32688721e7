package container

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readJSON reads an array of records, or records one after the other: names
// are not to be trusted here, many a .json file has a record a line.
func readJSON(in *bufio.Reader, path string, yield func(Record) error) error {
	first, lines, err := firstByte(in)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case first == '[':
		return readArray(in, path, yield)
	case first != '{':
		return fmt.Errorf("%s:%d: not JSON: found %q, wanted an array of records [{…}, …] or a record {…} a line", path, lines+1, string(first))
	}
	return readLines(in, path, lines, yield)
}

// firstByte skips space, and gives what comes next and how many lines were skipped.
func firstByte(in *bufio.Reader) (b rune, lines int, err error) {
	for {
		b, _, err := in.ReadRune()
		if err != nil {
			return 0, lines, err
		}
		switch b {
		case '\n':
			lines++
		case ' ', '\t', '\r':
		default:
			return b, lines, in.UnreadRune()
		}
	}
}

// readLines reads a record a line. A record over several lines, as pretty
// printers write them, is understood where it is the file's only one or the next begins on a
// line of its own.
func readLines(in *bufio.Reader, path string, line int, yield func(Record) error) error {
	lines := lineReader{in: in, path: path, line: line}
	for number := 1; ; number++ {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at := lines.line
		record := append(json.RawMessage(nil), raw...)
		if !json.Valid(record) {
			if record, err = lines.wholeValue(record); err != nil {
				return fmt.Errorf("%s:%d: record %d is not JSON: %w; %s", path, at, number, err, advise(err, "a .jsonl file has one whole JSON object a line"))
			}
		}
		if half := halfPair(record); half >= 0 {
			return fmt.Errorf("%s:%d: record %d, byte %d: %w", path, at, number, half+1, errHalfPair)
		}
		if err := yield(Record{JSON: record, Source: path, Number: number, Line: at}); err != nil {
			return err
		}
	}
}

// mistakes are what people mostly did where the decoder says so.
var mistakes = []struct{ found, advice string }{
	{"',' after top-level value", "leave out the commas between the lines, or put brackets around all: [{…}, {…}]"},
	{"'{' after top-level value", "each record wants a line of its own"},
	{"'}' looking for beginning of object key", "leave out the comma before the closing bracket"},
	{"']' looking for beginning of value", "leave out the comma before the closing bracket"},
	{`'\'' looking for beginning`, "it looks like Python; json.dumps writes JSON"},
	{"'N' looking for beginning", "NaN and None are no JSON: write null, or leave the key out"},
	{"unexpected end of JSON input", `the line ends before the record does: is the file cut off, or does a line break stand within a text? There it is written \n`},
	{"in string literal", `a line break or tab within a text is written \n, \t`},
}

// advise says what to do about text that is not JSON.
func advise(err error, otherwise string) string {
	for _, m := range mistakes {
		if strings.Contains(err.Error(), m.found) {
			return m.advice
		}
	}
	return otherwise
}

// wholeValue joins following lines to an object's first until it is whole.
func (l *lineReader) wholeValue(start []byte) ([]byte, error) {
	var v any
	first := json.Unmarshal(start, &v)
	if string(start) != "{" {
		return nil, first
	}
	all := append(start, '\n')
	depth := nesting{depth: 1}
	for {
		raw, err := l.next()
		if errors.Is(err, io.EOF) {
			return bytes.TrimSpace(all), json.Unmarshal(all, &v)
		}
		if err != nil {
			return nil, err
		}
		if all = append(append(all, raw...), '\n'); len(all) > maxRecord {
			return nil, fmt.Errorf("it is longer than %d MiB", maxRecord>>20)
		}
		if depth.add(raw); depth.depth <= 0 {
			all = bytes.TrimSpace(all)
			return all, json.Unmarshal(all, &v)
		}
	}
}

// nesting counts the brackets that are open behind so much of a JSON text.
type nesting struct {
	depth           int
	quoted, escaped bool
}

func (n *nesting) add(text []byte) {
	for _, c := range text {
		switch {
		case n.escaped:
			n.escaped = false
		case n.quoted:
			n.escaped, n.quoted = c == '\\', c != '"'
		case c == '"':
			n.quoted = true
		case c == '{', c == '[':
			n.depth++
		case c == '}', c == ']':
			n.depth--
		}
	}
}

// readArray reads the records of one array as a stream.
func readArray(in *bufio.Reader, path string, yield func(Record) error) error {
	limit := &budget{in: in, left: maxRecord + 1<<20}
	d := json.NewDecoder(limit)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: not JSON: %w", path, err)
	}
	for number := 1; d.More(); number++ {
		rec := Record{Source: path, Number: number}
		if err := d.Decode(&rec.JSON); err != nil {
			return fmt.Errorf("%s: record %d, byte %d: %w", path, number, d.InputOffset(), notJSON(err))
		}
		if !utf8.Valid(rec.JSON) {
			return fmt.Errorf("%s: record %d is not UTF-8 at its byte %d; save the file as UTF-8", path, number, invalidAt(rec.JSON))
		}
		if half := halfPair(rec.JSON); half >= 0 {
			return fmt.Errorf("%s: record %d, byte %d of it: %w", path, number, half+1, errHalfPair)
		}
		limit.left = maxRecord + 1<<20
		if err := yield(rec); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: the array is not closed: %w; is the file cut off?", path, err)
	}
	_, err := d.Token()
	if syntax := (*json.SyntaxError)(nil); err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &syntax) {
		return fmt.Errorf("%s: after the array: %w", path, err)
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: something follows the array, at byte %d; wanted one array of records", path, d.InputOffset())
	}
	return nil
}

var errHalfPair = errors.New(`half of a character: \ud800 to \udfff stand in pairs; was the text cut in the middle of an emoji?`)

// halfPair is the place of an escape that is half of a surrogate pair, -1 for
// none. Go reads it as another character, so it would be trained on in silence.
func halfPair(raw []byte) int {
	for from := 0; ; {
		i := bytes.Index(raw[from:], []byte(`\u`))
		if i < 0 {
			return -1
		}
		at := from + i
		from = at + 2
		backslashes := 1
		for at-backslashes >= 0 && raw[at-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 { // of an escaped backslash
			continue
		}
		switch c := escape(raw[at:]); {
		case c >= 0xd800 && c < 0xdc00 && len(raw) >= at+6:
			if next := escape(raw[at+6:]); next < 0xdc00 || next >= 0xe000 {
				return at
			}
			from = at + 12
		case c >= 0xdc00 && c < 0xe000:
			return at
		}
	}
}

// escape is the number of an escape \uXXXX at the beginning of raw, -1 for none.
func escape(raw []byte) int64 {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int64(n)
}

// notJSON says of a decoder's error that it is about JSON, where it is.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w; %s", err, advise(err, "look at the text before that byte"))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("not JSON: the array is not closed; is the file cut off?")
	}
	return err
}

// budget fails when too much is read for one record: a decoder would hold all
// of it in memory, a table's reader also some forty bytes for every value.
type budget struct {
	in   io.Reader
	left int

	separator byte // of a table's values, else 0
	quoted    bool
	values    int
}

// maxValues bounds the values in a row of a table.
const maxValues = 1 << 16

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the record is longer than %d MiB", maxRecord>>20)
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	if b.separator != 0 {
		for _, c := range p[:n] {
			switch {
			case c == '"':
				b.quoted = !b.quoted
			case c == b.separator && !b.quoted:
				b.values++
			}
		}
		if b.values > maxValues {
			return 0, fmt.Errorf("the row has more than %d values", maxValues)
		}
	}
	return n, err
}
