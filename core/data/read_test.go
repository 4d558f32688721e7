package data

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func readAll(t *testing.T, name, text string) (records []Record, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	err = Read(path, func(r Record) error {
		r.Source = filepath.Base(r.Source)
		records = append(records, r)
		return nil
	})
	return records, err
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // place and JSON
	}{
		{"a.json", `[{"a": 1}, {"b": [2]}]`, []string{`a.json (record 1) {"a": 1}`, `a.json (record 2) {"b": [2]}`}},
		{"a.json", "\ufeff[ ]\n", nil},
		{"a.json", "", nil},
		{"a.jsonl", "\ufeff{\"a\": 1}\r\n\n  {\"b\": 2}", []string{`a.jsonl:1 (record 1) {"a": 1}`, `a.jsonl:3 (record 2) {"b": 2}`}},
		{"a.NDJSON", "1\n", []string{"a.NDJSON:1 (record 1) 1"}},
		{"a.txt", "One \"line\".\n\nTwo.", []string{`a.txt:1 (record 1) {"text":"One \"line\"."}`, `a.txt:3 (record 2) {"text":"Two."}`}},
	} {
		records, err := readAll(t, c.name, c.text)
		if err != nil {
			t.Errorf("%s %q: %v", c.name, c.text, err)
		}
		var got []string
		for _, r := range records {
			got = append(got, r.Place()+" "+string(r.JSON))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q gave %q, wanted %q", c.name, c.text, got, c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.csv", "a,b", `files that end in ".csv" are not known`},
		{"a.json", `{"a": 1}`, "wanted a JSON array of records, found {; for one record a line name the file .jsonl"},
		{"a.json", `nonsense`, "a.json: not JSON"},
		{"a.json", `[{"a": 1}, {]`, "a.json: record 2, byte"},
		{"a.json", `[{"a": 1}`, "a.json: the array is not closed"},
		{"a.json", "[\"caf\xe9\"]", "a.json: record 1 is not UTF-8 at its byte 5"},
		{"a.json", `[1] [2]`, "a.json: something follows the array"},
		{"a.jsonl", "{}\n{\"a\": \n", "a.jsonl:2: record 2 is not JSON"},
		{"a.jsonl", "{} {}\n", "a.jsonl:1: record 1 is not JSON"},
		{"a.jsonl", "{}\n\"caf\xe9\"\n", "a.jsonl:2: not UTF-8 at byte 5 of the line"},
		{"a.txt", "caf\xe9\n", "a.txt:1: not UTF-8 at byte 4 of the line"},
	} {
		if _, err := readAll(t, c.name, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: error %v, wanted %q", c.name, c.text, err, c.want)
		}
	}
	if err := Read(filepath.Join(t.TempDir(), "none.json"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	if err := Read(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

func TestReadStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte("1\n2\n3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	seen := 0
	err := Read(path, func(Record) error {
		seen++
		return enough
	})
	if !errors.Is(err, enough) || seen != 1 {
		t.Errorf("%d records, error %v", seen, err)
	}
}

// Whatever the bytes: no panic, and every record is one JSON value in UTF-8.
func FuzzRead(f *testing.F) {
	for _, text := range []string{`[{"a": 1}, 2]`, "{}\n\n[1]\n", "text\r\n", "\ufeff[]", "[\"\xff\"]", `[{"a"`, "[1]]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "a")
		for _, read := range []func(func(Record) error) error{
			func(yield func(Record) error) error { return readArray(strings.NewReader(string(text)), path, yield) },
			func(yield func(Record) error) error {
				return readLines(strings.NewReader(string(text)), path, false, yield)
			},
			func(yield func(Record) error) error {
				return readLines(strings.NewReader(string(text)), path, true, yield)
			},
		} {
			number := 0
			read(func(r Record) error {
				number++
				if r.Number != number || !json.Valid(r.JSON) || !utf8.Valid(r.JSON) {
					t.Errorf("record %d of %q: %d, %q", number, text, r.Number, r.JSON)
				}
				return nil
			})
		}
	})
}
