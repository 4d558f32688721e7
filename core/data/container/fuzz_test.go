package container

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"unicode/utf8"
)

// enough is how many records are looked at: a few bytes can say truthfully
// that a column has a billion nulls.
const enough = 10_000

// checkRecords says that a reader gives numbered records of valid JSON in
// UTF-8, or an error, and does not panic.
func checkRecords(t *testing.T, read func(func(Record) error) error) {
	number := 0
	err := read(func(r Record) error {
		if number++; number > enough {
			return errors.New("enough")
		}
		if r.Number != number || !json.Valid(r.JSON) || !utf8.Valid(r.JSON) {
			t.Errorf("record %d has number %d and is %q", number, r.Number, r.JSON)
		}
		return nil
	})
	if err != nil && err.Error() == "" {
		t.Error("an error without words")
	}
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{`[{"a": 1}, 2]`, "{}\n\n{}\n", "{\n\"a\": 1\n}\n{}", "\ufeff[]", "[\"\xff\"]", `[{"a"`, "[1]]", " \n{"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkRecords(t, func(yield func(Record) error) error {
			return readJSON(bufio.NewReader(bytes.NewReader(content)), "a.json", yield)
		})
	})
}

func FuzzText(f *testing.F) {
	for _, text := range []string{"a\r\nb", "\n\n", "\xff", "<&>\u2028"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkRecords(t, func(yield func(Record) error) error {
			return readText(bufio.NewReader(bytes.NewReader(content)), "a.txt", yield)
		})
	})
}

func FuzzTable(f *testing.F) {
	for _, text := range []string{"a,b\n1,2\n", "a\tb\n1\t2\n", "a\n\"x\ny\"\"\"\n", "a,a\n", "a;b\n", "\"", "\xff,\n", ",\n,\n"} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, content []byte, commas bool) {
		comma := '\t'
		if commas {
			comma = ','
		}
		checkRecords(t, func(yield func(Record) error) error {
			return readTable(bytes.NewReader(content), "a.csv", comma, yield)
		})
	})
}

func FuzzParquet(f *testing.F) {
	for _, name := range []string{"nested", "plain", "kinds", "deltas", "brotli", "bare", "lists"} {
		content, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := write(t, "a.parquet", content)
		checkRecords(t, func(yield func(Record) error) error { return readParquet(path, yield) })
	})
}

// FuzzDeltas is for the lists of deltas whose lengths are looked at before the
// library makes room for them.
func FuzzDeltas(f *testing.F) {
	for _, data := range [][]byte{
		{0x80, 0x01, 0x04, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}, // two values in a block of 128
		{0x80, 0x01, 0x04, 0x21, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 1, 2, 3, 4, 5, 6, 7, 8},
		{0x80, 0x80, 0x80, 0x80, 0x08, 0x01, 0x02, 0x00, 0x00, 0x00},
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, rest, err := skipDeltas(data)
		if err == nil && (n > 1+maxBlock*len(data) || !bytes.HasSuffix(data, rest)) {
			t.Errorf("%d deltas in %d bytes, %d left", n, len(data), len(rest))
		}
	})
}

// FuzzFooter is for the schema of a Parquet file.
func FuzzFooter(f *testing.F) {
	for _, name := range []string{"nested", "kinds"} {
		content, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		size := binary.LittleEndian.Uint32(content[len(content)-8:])
		f.Add(content[len(content)-8-int(size) : len(content)-8])
	}
	f.Fuzz(func(t *testing.T, footer []byte) {
		elements, err := schemaElements(footer)
		if err != nil || checkSchema(elements) != nil {
			return
		}
		children := 0
		for _, e := range elements {
			children += e.children
		}
		if len(elements) > 0 && children != len(elements)-1 {
			t.Errorf("a tree of %d elements with %d children", len(elements), children)
		}
	})
}

// FuzzOpen is for the layers of compression.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 4, 0, 0x19, 0, 0, '{', '}', '\n', 0, 0, 0, 0})
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := write(t, "a.jsonl", content)
		checkRecords(t, func(yield func(Record) error) error { return Read(path, yield) })
	})
}
