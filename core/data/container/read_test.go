package container

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll gives the records as "place JSON".
func readAll(path string) (records []string, err error) {
	err = Read(path, func(r Record) error {
		r.Source = filepath.Base(r.Source)
		records = append(records, r.Place()+" "+string(r.JSON))
		return nil
	})
	return records, err
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a.json", `[{"a": 1}, {"b": [2]}]`, []string{`a.json (record 1) {"a": 1}`, `a.json (record 2) {"b": [2]}`}},
		{"a.json", "\ufeff[ ]\n", nil},
		{"a.json", "", nil},
		{"records in lines, in spite of the name.json", "{\"a\": 1}\n{\"a\": 2}", []string{
			`records in lines, in spite of the name.json:1 (record 1) {"a": 1}`, `records in lines, in spite of the name.json:2 (record 2) {"a": 2}`}},
		{"pairs.jsonl", `{"a": "\uD83D\ude00 \\ud83d \u00e9"}`, []string{`pairs.jsonl:1 (record 1) {"a": "\uD83D\ude00 \\ud83d \u00e9"}`}},
		{"array.jsonl", `[{"a": 1}]`, []string{`array.jsonl (record 1) {"a": 1}`}},
		{"closed-at-the-end.json", "{\n\"a\": 1}", []string{"closed-at-the-end.json:1 (record 1) {\n\"a\": 1}"}},
		{"pretty.json", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", []string{"pretty.json:1 (record 1) {\n\"a\": 1\n}", "pretty.json:4 (record 2) {\n\"a\": 2\n}"}},
		{"a.jsonl", "\ufeff{\"a\": 1}\r\n\n  {\"b\": 2}", []string{`a.jsonl:1 (record 1) {"a": 1}`, `a.jsonl:3 (record 2) {"b": 2}`}},
		{"a.NDJSON", "\n\n{}\n", []string{"a.NDJSON:3 (record 1) {}"}},
		{"a.txt", "One <b>\"line\"</b>.\r\n\r\nTwo.", []string{`a.txt:1 (record 1) {"text":"One <b>\"line\"</b>."}`, `a.txt:3 (record 2) {"text":"Two."}`}},
		{"a.csv", "\ufeffinstruction, output\r\n\"Say \"\"a, b\"\"\",\"one\ntwo\"\r\nx,\r\n", []string{
			`a.csv:2 (record 1) {"instruction":"Say \"a, b\"","output":"one\ntwo"}`, `a.csv:4 (record 2) {"instruction":"x","output":""}`}},
		{"a.tsv", "a\tb\n1\t2,3\n", []string{`a.tsv:2 (record 1) {"a":"1","b":"2,3"}`}},
		{"empty.csv", "", nil},
		{"header.csv", "a,b\n", nil},
	} {
		got, err := readAll(write(t, c.name, []byte(c.text)))
		if err != nil {
			t.Errorf("%s %q: %v", c.name, c.text, err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q gave\n%q, wanted\n%q", c.name, c.text, got, c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.xml", "<a>", `files that end in ".xml" are not known; wanted .json or .jsonl`},
		{"a.json", `nonsense`, `a.json:1: not JSON: found "n", wanted an array of records [{…}, …] or a record {…} a line`},
		{"a.json", `[{"a": 1}, {]`, "a.json: record 2, byte"},
		{"a.json", `[{"a": 1}`, "a.json: the array is not closed"},
		{"a.json", `[{"a": `, "record 1, byte 1: not JSON: the array is not closed; is the file cut off?"},
		{"a.json", "[{\"a\": 1},\n", "a.json: record 2, byte 10: not JSON: the array is not closed; is the file cut off?"},
		{"a.json", "[\"caf\xe9\"]", "a.json: record 1 is not UTF-8 at its byte 5"},
		{"a.json", `[1] [2]`, "a.json: something follows the array"},
		{"a.jsonl", "{}\n{\"a\": \n", "a.jsonl:2: record 2 is not JSON"},
		{"a.jsonl", "{\n\"a\": \n", "a.jsonl:1: record 1 is not JSON"},
		{"a.jsonl", "{} {}\n", "a.jsonl:1: record 1 is not JSON"},
		{"a.jsonl", "{\"a\": 1,}\n", "leave out the comma before the closing bracket"},
		{"a.json", `[{"a": 1},]`, "leave out the comma before the closing bracket"},
		{"a.jsonl", "{\"a\": \"b\nc\"}\n", "does a line break stand within a text?"},
		{"a.jsonl", "{},\n{},\n", "leave out the commas between the lines"},
		{"a.jsonl", "{\"a\": 1}{\"a\": 2}\n", "each record wants a line of its own"},
		{"a.jsonl", "{'a': 1}\n", "it looks like Python"},
		{"a.jsonl", "{\"a\": NaN}\n", "NaN and None are no JSON"},
		{"a.json", "[{\"a\": \"b\nc\"}]", `a line break or tab within a text is written \n`},
		{"a.jsonl", "version https://git-lfs.github.com/spec/v1\noid", "this is a Git LFS pointer, not the data"},
		{"a.jsonl", "\x00{\x00}", "the text is UTF-16"},
		{"a.txt", "a\x00b\x00", "the text is UTF-16"},
		{"a.jsonl", "{}\n\"caf\xe9\"\n", "a.jsonl:2: not UTF-8 at byte 5 of the line"},
		{"a.jsonl", "{}\n{\"a\": \"x\\ud83d\"}", `a.jsonl:2: record 2, byte 9: half of a character`},
		{"a.json", `[{"a": "\ude00\ud83d"}]`, `a.json: record 1, byte 8 of it: half of a character`},
		{"a.txt", "caf\xe9\n", "a.txt:1: not UTF-8 at byte 4 of the line"},
		{"a.csv", "a,b\n1,2\n3\n", `a.csv:3: record 2 has another number of values than the header, which has 2 ("a", "b")`},
		{"a.csv", "a,b\n1,\"2\n", "record 1, column 6: a quote is open"},
		{"a.csv", "a,b\n1,2\"\n", "a.csv:2: record 1, column 4: a quote is open or in the wrong place"},
		{"a.csv", "a,a\n1,2\n", `a.csv:1: the header names the column "a" twice`},
		{"a.csv", "a;b\n1;2\n", `the header "a;b" is one column: columns stand apart by ";" here`},
		{"a.csv", "a,b\n1,caf\xe9\n", `a.csv:2 (record 1): the column "b" is not UTF-8 at byte 4`},
		{"a.csv", "caf\xe9,b\n", "a.csv:1: the header is not UTF-8"},
		{"a.csv", "\xff\xfea\x00", "the text is UTF-16; save the file as UTF-8"},
		{"a.csv", "PK\x03\x04", "an .xlsx table"},
		{"a.jsonl", "PAR1....", "this is a Parquet file; name it .parquet"},
		{"a.jsonl.gz", "{}\n", "the name ends in .gz, but the file is not compressed so"},
		{"a.jsonl.zst", "\x28\xb5\x2f\xfd{}\n", "the zstd data is damaged or cut off"},
		{"a.parquet", "nothing at all", "not a whole Parquet file: its end is missing; is the file cut off?"},
		{"a.parquet", "PAR1\xff\xff\xff\x7fPAR1", "its schema would have 2147483647 bytes, the file has 12"},
		{"a.parquet", "version https://git-lfs.github.com/spec/v1\noid", "this is a Git LFS pointer, not the data"},
		{"a.parquet", "PAR1....PARE", "it is encrypted"},
		{"a.parquet", "PAR1\x00\x00\x00\x00PAR1", "not a whole Parquet file"},
		{"a.parquet", "", "it has 0 bytes"},
	} {
		if _, err := readAll(write(t, c.name, []byte(c.text))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: error %v, wanted %q", c.name, c.text, err, c.want)
		}
	}
	if _, err := readAll(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, content []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(content, nil)
}

func TestReadCompressed(t *testing.T) {
	parquet, err := os.ReadFile("testdata/nested.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		records int
	}{
		{"a.jsonl.gz", gzipped(t, []byte("{}\n{}\n")), 2},
		{"a.json.gz", gzipped(t, []byte("[{}]")), 1},
		{"a.csv.gz", gzipped(t, []byte("a\n1\n")), 1},
		{"a.txt.zst", zstded(t, []byte("one\ntwo\nthree\n")), 3},
		{"a.jsonl.zstd", zstded(t, []byte("{}\n")), 1},
		{"compressed, in spite of the name.jsonl", gzipped(t, []byte("{}\n{}\n")), 2},
		{"a.parquet.gz", gzipped(t, parquet), 4},
		{"a.parquet.zst", zstded(t, parquet), 4},
	} {
		got, err := readAll(write(t, c.name, c.content))
		if err != nil || len(got) != c.records {
			t.Errorf("%s: %d records, wanted %d (%v)", c.name, len(got), c.records, err)
		}
		_, err = readAll(write(t, c.name, c.content[:len(c.content)-5]))
		if err == nil || !strings.Contains(err.Error(), "data is damaged or cut off") {
			t.Errorf("%s cut off: %v", c.name, err)
		}
	}
}

func TestReadStops(t *testing.T) {
	enough := errors.New("enough")
	for name, content := range map[string]string{"a.jsonl": "{}\n{}\n", "a.json": "[1, 2]", "a.csv": "a\n1\n2\n", "a.txt": "a\nb\n"} {
		seen := 0
		err := Read(write(t, name, []byte(content)), func(Record) error {
			seen++
			return enough
		})
		if !errors.Is(err, enough) || seen != 1 {
			t.Errorf("%s: %d records, error %v", name, seen, err)
		}
	}
}

// A record of more than maxRecord bytes is an error before it is in memory.
func TestReadBoundsARecord(t *testing.T) {
	defer func(most int) { maxRecord = most }(maxRecord)
	maxRecord = 1 << 20
	long := strings.Repeat("x", 3<<20)
	for name, content := range map[string]string{"a.json": `["` + long + `"]`, "a.jsonl": `{"a": "` + long + `"}`, "a.csv": "a\n" + long, "a.txt": long} {
		if _, err := readAll(write(t, name, []byte(content))); err == nil || !strings.Contains(err.Error(), "is longer than 1 MiB") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
