package container

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
)

// wantBounded says that reading ends in an error that has these words, and
// that it took no more than so many MiB.
func wantBounded(t *testing.T, what string, most uint64, words string, read func() error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := read()
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: error %v, wanted %q", what, err, words)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > most {
		t.Errorf("%s: took %d MiB, wanted at most %d", what, took, most)
	}
}

// One block of 2^31 deltas without bits: 20 bytes for which the library would
// make 16 GiB.
func TestParquetBoundsDeltas(t *testing.T) {
	numbers := make([]int64, 200)
	for i := range numbers {
		numbers[i] = int64(i * i)
	}
	content := written(t, schema.FieldList{schema.NewInt64Node("n", parquet.Repetitions.Required, -1)}, []levelled{{numbers: numbers}},
		parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaBinaryPacked), parquet.WithCompression(0))
	honest := []byte{0x80, 0x01, 0x04, 0xc8, 0x01} // blocks of 128 in 4 parts, 200 values
	at := bytes.Index(content, honest)
	if at < 0 {
		t.Fatal("no deltas in the file")
	}
	copy(content[at:], []byte{0x80, 0x80, 0x80, 0x80, 0x08, 0x01, 0xc8, 0x01, 0, 0, 0})
	path := write(t, "a.parquet", content)
	wantBounded(t, "deltas", 16, "row group 1: column n: a block of 2147483648 deltas", func() error {
		_, err := readAll(path)
		return err
	})
}

func TestParquetBoundsPages(t *testing.T) {
	text := schema.NewColumn(schema.NewByteArrayNode("text", parquet.Repetitions.Required, -1), 0, 0)
	page := memory.NewBufferBytes(make([]byte, 400))
	enc := parquet.Encodings
	if err := checkDictionary(file.NewDictionaryPage(page, 100, enc.Plain), text); err != nil {
		t.Error(err)
	}
	if err := checkDictionary(file.NewDictionaryPage(page, 101, enc.Plain), text); err == nil {
		t.Error("400 bytes hold 101 texts of at least 4")
	}
	deltas := []byte{0x80, 0x01, 0x04, 0x81, 0x01, 0x00, 0x00, 0, 0, 0, 0} // 129 values
	for _, c := range []struct {
		data     []byte
		values   int32
		encoding parquet.Encoding
		held     int
		fails    bool
	}{
		{deltas, 129, enc.DeltaBinaryPacked, 11 + 4*129, false},
		{deltas, 128, enc.DeltaBinaryPacked, 0, true},
		{deltas, 129, enc.DeltaByteArray, 0, true}, // the second list is missing
		{append(deltas[:11:11], deltas...), 129, enc.DeltaByteArray, 22 + 8*129, false},
		{deltas[:9], 129, enc.DeltaLengthByteArray, 0, true},
		{deltas, 1, enc.Plain, 11, false},
	} {
		v1 := file.NewDataPageV1(memory.NewBufferBytes(c.data), c.values, parquet.Encoding(c.encoding), enc.RLE, enc.RLE, int32(len(c.data)))
		held, err := checkDataPage(v1, text)
		if held != c.held || (err != nil) != c.fails {
			t.Errorf("%d values, %v: %d bytes, %v; wanted %d", c.values, c.encoding, held, err, c.held)
		}
	}
}

// What a page's codec gives has the length that the page says.
func TestParquetBoundsCodecs(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 64<<20)
	for name, c := range map[string]struct {
		packed []byte
		decode func(dst, src []byte) ([]byte, error)
	}{"snappy": {snappy.Encode(nil, long), decodeSnappy}, "zstd": {zstded(t, long), decodeZstd}} {
		wantBounded(t, name, 8, "", func() error {
			_, err := c.decode(make([]byte, 100), c.packed)
			return err
		})
		if got, err := c.decode(make([]byte, len(long)), c.packed); err != nil || !bytes.Equal(got, long) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestParquetBoundsSchema(t *testing.T) {
	wide := []element{{1, maxColumns + 1}}
	deep := []element{}
	for range maxColumns + 1 {
		wide = append(wide, element{name: 1})
	}
	for range maxNested + 1 {
		deep = append(deep, element{1, 1})
	}
	deep = append(deep, element{name: 1})
	for name, c := range map[string]struct {
		elements []element
		want     string
	}{
		"a tree":                 {[]element{{4, 2}, {1, 1}, {1, 0}, {1, 0}}, ""},
		"no columns":             {[]element{{4, 0}}, ""},
		"children missing":       {[]element{{4, 2}, {1, 0}}, "no tree"},
		"children of nobody":     {[]element{{4, 1}, {1, 0}, {1, 0}}, "no tree"},
		"a billion children":     {[]element{{4, 1 << 30}, {1, 0}}, "no tree"},
		"fewer than no children": {[]element{{4, -1}, {1, 0}}, "no tree"},
		"too wide":               {wide, "more than 4096 columns"},
		"too deep":               {deep, "nested more than 128 deep"},
		"long names":             {[]element{{4, 1}, {maxPaths, 0}}, "names have more than 4 MiB"},
	} {
		got := ""
		if err := checkSchema(c.elements); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, wanted %q", name, got, c.want)
		}
	}
}

// A list that goes on for more than a record may have.
func TestParquetBoundsARecord(t *testing.T) {
	defer func(most int) { maxRecord = most }(maxRecord)
	maxRecord = 1 << 20
	n := maxRecord / cellCost
	list := levelled{text: []string{}, defined: make([]int16, n+1), repeats: make([]int16, n+1)}
	for i := range list.defined {
		list.defined[i], list.repeats[i] = 1, 1
	}
	list.repeats[0] = 0
	element := groupNode("list", parquet.Repetitions.Repeated, stringNode("element", parquet.Repetitions.Optional))
	content := written(t, schema.FieldList{listNodeOf("texts", parquet.Repetitions.Required, element)}, []levelled{list})
	path := write(t, "a.parquet", content)
	wantBounded(t, "nulls", 16, "(record 1): column texts.list.element: the record is longer than 1 MiB", func() error {
		_, err := readAll(path)
		return err
	})
}

func TestReadBoundsATableRow(t *testing.T) {
	row := strings.Repeat(",", maxValues+5000) + "\n"
	for name, content := range map[string]string{"header.csv": row, "row.csv": "a,b\n" + row} {
		wantBounded(t, name, 64, "the row has more than 65536 values", func() error {
			_, err := readAll(write(t, name, []byte(content)))
			return err
		})
	}
	quoted := "a,b\n\"" + row + "\",2\n"
	if got, err := readAll(write(t, "quoted.csv", []byte(quoted))); err != nil || len(got) != 1 {
		t.Errorf("separators within quotes: %d records, %v", len(got), err)
	}
}

func TestUnpackBoundsParquet(t *testing.T) {
	defer func(most int64) { maxUnpacked = most }(maxUnpacked)
	maxUnpacked = 1 << 20
	content := make([]byte, 16<<20)
	for name, packed := range map[string][]byte{"a.parquet.gz": gzipped(t, content), "a.parquet.zst": zstded(t, content)} {
		path := write(t, name, packed)
		wantBounded(t, name, 64, "it unpacks to more than 1 MiB", func() error {
			_, err := readAll(path)
			return err
		})
	}
}

// A record over many lines is looked at once, not once for every bracket.
func TestNesting(t *testing.T) {
	var got []int
	var n nesting
	for _, line := range []string{`{"a": [{`, `"}]\"": "\\"`, "}", "]}"} {
		n.add([]byte(line))
		got = append(got, n.depth)
	}
	if diff := cmp.Diff([]int{3, 3, 2, 0}, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}
