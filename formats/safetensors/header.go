package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loraedge/loraedge/formats/dtype"
)

const (
	// lengthBytes is the size of the header's length, before the header.
	lengthBytes = 8
	// maxHeader is the limit of the reference implementation.
	maxHeader = 100_000_000
	// maxEntry bounds the JSON of one tensor, and with it the memory that
	// decoding takes. Real entries have about 100 bytes.
	maxEntry = 4096
	// metadataName is the key of the header that is no tensor.
	metadataName = "__metadata__"
)

const damaged = "the file is truncated or damaged; copy or download it again"

// entry is what the header says of one tensor. begin and end count from the
// first byte after the header.
type entry struct {
	name       string
	typeName   string
	dtype      dtype.DType // Invalid for a type this program has no name for
	shape      []int
	begin, end int64
}

// header is a checked header: the entries lie one after another without holes
// or overlaps and fill the data exactly.
type header struct {
	entries  []entry // in the order of their data
	metadata map[string]string
}

// headerLength reads the length of the header from the first bytes of a file of
// size bytes and checks that the file can hold it.
func headerLength(start []byte, size int64) (int, error) {
	if bytes.HasPrefix(start, []byte("version ")) {
		return 0, errors.New("this is a Git LFS pointer, not the weights: run `git lfs pull` where the model was cloned")
	}
	if size < lengthBytes || len(start) < lengthBytes {
		return 0, fmt.Errorf("%d bytes are too few for a safetensors file: %s", size, damaged)
	}
	n := binary.LittleEndian.Uint64(start)
	switch {
	case n > maxHeader:
		return 0, fmt.Errorf("not a safetensors file: it begins with a header length of %d bytes, and at most %d are allowed", n, maxHeader)
	case int64(n) > size-lengthBytes:
		return 0, fmt.Errorf("the header should have %d bytes, but only %d follow: %s", n, size-lengthBytes, damaged)
	}
	return int(n), nil
}

// parseHeader decodes and checks the JSON header of a file whose tensors have
// dataSize bytes together.
func parseHeader(text []byte, dataSize int64) (header, error) {
	if !utf8.Valid(text) {
		return header{}, fmt.Errorf("the header is not valid UTF-8: %s", damaged)
	}
	if err := checkSyntax(text); err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	var h header
	d := json.NewDecoder(bytes.NewReader(text))
	err := eachField(d, func(name string) error {
		if name == metadataName {
			return decodeMetadata(d, &h.metadata)
		}
		e, err := decodeEntry(d, name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		h.entries = append(h.entries, e)
		return nil
	})
	if err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	return h, checkLayout(h.entries, dataSize)
}

// eachField calls value for each key of the JSON object that d is at; value
// decodes what belongs to the key. A key that comes twice is an error.
func eachField(d *json.Decoder, value func(key string) error) error {
	if err := wantDelim(d, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key := t.(string) // what else a key may be, checkSyntax has refused
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return wantDelim(d, '}')
}

func wantDelim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("want %q, found %.40q", rune(want), fmt.Sprint(t))
	}
	return nil
}

// checkSyntax is an error where text is not one JSON value.
func checkSyntax(text []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not valid JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

func decodeMetadata(d *json.Decoder, into *map[string]string) error {
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s must be an object of strings: %w", metadataName, err)
	}
	return nil
}

// decodeEntry reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}.
func decodeEntry(d *json.Decoder, name string) (entry, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return entry{}, err
	}
	if len(raw) > maxEntry {
		return entry{}, fmt.Errorf("its description has %d bytes, and at most %d are allowed", len(raw), maxEntry)
	}
	e := entry{name: name}
	var offsets []int
	missing := map[string]bool{"dtype": true, "shape": true, "data_offsets": true}
	inner := json.NewDecoder(bytes.NewReader(raw))
	inner.UseNumber()
	err := eachField(inner, func(key string) (err error) {
		delete(missing, key)
		switch key {
		case "dtype":
			err = inner.Decode(&e.typeName)
		case "shape":
			e.shape, err = decodeCounts(inner)
		case "data_offsets":
			offsets, err = decodeCounts(inner)
		default:
			return fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return entry{}, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if missing[key] {
			return entry{}, fmt.Errorf("%s is missing", key)
		}
	}
	if len(offsets) != 2 {
		return entry{}, fmt.Errorf("data_offsets must be [begin, end], found %d numbers", len(offsets))
	}
	if e.typeName == "" {
		return entry{}, errors.New("dtype is empty")
	}
	e.begin, e.end = int64(offsets[0]), int64(offsets[1])
	e.dtype, _ = dtype.Parse(e.typeName) // a type without a name here is an error when it is used
	return e, nil
}

// decodeCounts reads a list of whole numbers from 0 to the largest int.
func decodeCounts(d *json.Decoder) ([]int, error) {
	if err := wantDelim(d, '['); err != nil {
		return nil, err
	}
	counts := []int{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("want a whole number, found %v", t)
		}
		n, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil || n > math.MaxInt {
			return nil, fmt.Errorf("want a whole number from 0 to %d, found %s", math.MaxInt, number)
		}
		counts = append(counts, int(n))
	}
	return counts, wantDelim(d, ']')
}

// checkLayout sorts entries by their place and checks that shape and type give
// the length, that they follow each other exactly, and that they fill the data.
func checkLayout(entries []entry, dataSize int64) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), strings.Compare(a.name, b.name))
	})
	at, before := int64(0), ""
	for _, e := range entries {
		if err := checkSize(e, dataSize); err != nil {
			return fmt.Errorf("tensor %q: %w", e.name, err)
		}
		switch {
		case e.begin < at:
			return fmt.Errorf("tensors %q and %q overlap: one ends at byte %d of the data, the other begins at %d", before, e.name, at, e.begin)
		case e.begin > at:
			return fmt.Errorf("tensor %q begins at byte %d of the data, but the bytes from %d on belong to no tensor", e.name, e.begin, at)
		}
		at, before = e.end, e.name
	}
	if at != dataSize {
		return fmt.Errorf("the tensors end at byte %d of the data, but the file goes on to %d: the header does not belong to this file", at, dataSize)
	}
	return nil
}

func checkSize(e entry, dataSize int64) error {
	if e.end < e.begin {
		return fmt.Errorf("data_offsets [%d, %d] run backwards", e.begin, e.end)
	}
	if e.end > dataSize {
		return fmt.Errorf("it should end at byte %d of the data, but the file has only %d: %s", e.end, dataSize, damaged)
	}
	if !e.dtype.Valid() {
		return nil
	}
	n, ok := byteSize(e.shape, e.dtype)
	if !ok {
		return fmt.Errorf("shape %v of %s is more than any file can hold", e.shape, e.typeName)
	}
	if n != e.end-e.begin {
		return fmt.Errorf("shape %v of %s takes %d bytes, but data_offsets [%d, %d] hold %d", e.shape, e.typeName, n, e.begin, e.end, e.end-e.begin)
	}
	return nil
}

// byteSize is the number of bytes of a tensor; it is false where that
// overflows or a dimension is negative.
func byteSize(shape []int, d dtype.DType) (int64, bool) {
	n := uint64(d.Size())
	for _, dim := range shape {
		high, low := bits.Mul64(n, uint64(dim))
		if dim < 0 || high != 0 || low > math.MaxInt64 {
			return 0, false
		}
		n = low
	}
	return int64(n), true
}
