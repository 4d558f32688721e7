package container

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"
)

// checkRecords says that a reader gives numbered records of valid JSON in
// UTF-8, or an error, and does not panic.
func checkRecords(t *testing.T, read func(func(Record) error) error) {
	number := 0
	err := read(func(r Record) error {
		number++
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
	for _, name := range []string{"nested", "plain"} {
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
