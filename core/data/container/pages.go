package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Bounds of what a Parquet file can make the library hold, in bytes.
const (
	maxPage  = 512 << 20 // of one page
	maxPages = 1 << 30   // of a page of each column, as they are read side by side
)

// checkGroup goes over the pages of a row group before they are read. The
// library checks most of what a damaged page promises; left are the lengths for which it
// makes room first: of dictionaries, of blocks of deltas, of all columns together.
func checkGroup(g *file.RowGroupReader, size int64) error {
	s := g.MetaData().Schema
	switch {
	case g.NumColumns() != s.NumColumns():
		return fmt.Errorf("it has %d columns, the schema %d; the file is damaged", g.NumColumns(), s.NumColumns())
	case g.NumRows() < 0:
		return fmt.Errorf("it would have %d rows; the file is damaged", g.NumRows())
	}
	total := 0
	for i := range g.NumColumns() {
		chunk, err := g.MetaData().ColumnChunk(i)
		if err != nil {
			return err
		}
		n := chunk.TotalCompressedSize()
		if at := chunk.DataPageOffset(); n < 0 || at < 0 || n > size || at > size {
			return fmt.Errorf("column %s would have %d bytes at %d, the file has %d", s.Column(i).Path(), n, at, size)
		}
		held, err := checkChunk(g, i)
		if err != nil {
			return fmt.Errorf("column %s: %w", s.Column(i).Path(), err)
		}
		if total += held; total > maxPages {
			return fmt.Errorf("its pages need more than %d MiB at once; write the file with smaller pages or row groups", maxPages>>20)
		}
	}
	return nil
}

// checkChunk goes over the pages of one column, and gives the bytes that
// reading them will hold.
func checkChunk(g *file.RowGroupReader, i int) (held int, err error) {
	pages, err := g.GetColumnPageReader(i)
	if err != nil {
		return 0, err
	}
	defer pages.Close()
	d := g.MetaData().Schema.Column(i)
	dictionary, data := 0, 0
	for pages.Next() {
		switch p := pages.Page().(type) {
		case *file.DictionaryPage:
			if err := checkDictionary(p, d); err != nil {
				return 0, err
			}
			dictionary = len(p.Data()) + int(p.NumValues())*dictionaryEntry
		case file.DataPage:
			n, err := checkDataPage(p, d)
			if err != nil {
				return 0, err
			}
			data = max(data, n)
		}
	}
	if err := pages.Err(); err != nil {
		if strings.Contains(err.Error(), "exceeds configured limit") { // the library's only word for it
			return 0, fmt.Errorf("%w; write the file with smaller pages", err)
		}
		return 0, err
	}
	return dictionary + data, nil
}

// dictionaryEntry is what an entry of a dictionary takes, in bytes: a slice,
// twice while the dictionary grows.
const dictionaryEntry = 2 * 24

func checkDictionary(p *file.DictionaryPage, d *schema.Column) error {
	width := 1
	switch d.PhysicalType() {
	case parquet.Types.ByteArray, parquet.Types.Int32, parquet.Types.Float:
		width = 4
	case parquet.Types.Int64, parquet.Types.Double:
		width = 8
	case parquet.Types.Int96:
		width = 12
	case parquet.Types.FixedLenByteArray:
		width = max(1, d.TypeLength())
	}
	if int(p.NumValues()) > len(p.Data())/width {
		return fmt.Errorf("a dictionary of %d bytes would have %d values; the file is damaged", len(p.Data()), p.NumValues())
	}
	return nil
}

// checkDataPage gives the bytes that reading a page will hold.
func checkDataPage(p file.DataPage, d *schema.Column) (int, error) {
	data := p.Data()
	lists := 0 // of deltas, one after the other
	switch parquet.Encoding(p.Encoding()) {
	case parquet.Encodings.DeltaBinaryPacked, parquet.Encodings.DeltaLengthByteArray:
		lists = 1
	case parquet.Encodings.DeltaByteArray:
		lists = 2
	default:
		return len(data), nil
	}
	values, err := afterLevels(p, d)
	if err != nil {
		return 0, err
	}
	held := len(data)
	for range lists {
		var n int
		if n, values, err = skipDeltas(values); err != nil {
			return 0, err
		}
		if n > int(p.NumValues()) {
			return 0, fmt.Errorf("a page of %d values would have %d deltas; the file is damaged", p.NumValues(), n)
		}
		held += 4 * n
	}
	return held, nil
}

var errPage = errors.New("a page ends before its values; the file is damaged")

// afterLevels is the page without its repetition and definition levels.
func afterLevels(p file.DataPage, d *schema.Column) ([]byte, error) {
	data := p.Data()
	if v2, ok := p.(*file.DataPageV2); ok {
		n := int(v2.RepetitionLevelByteLen()) + int(v2.DefinitionLevelByteLen())
		if n < 0 || n > len(data) {
			return nil, errPage
		}
		return data[n:], nil
	}
	v1, ok := p.(*file.DataPageV1)
	if !ok {
		return nil, fmt.Errorf("a page of type %s is not known", p.Type())
	}
	for _, l := range []struct {
		most     int16
		encoding parquet.Encoding
	}{{d.MaxRepetitionLevel(), v1.RepetitionLevelEncoding()}, {d.MaxDefinitionLevel(), v1.DefinitionLevelEncoding()}} {
		n := 0
		switch {
		case l.most == 0:
			continue
		case l.encoding == parquet.Encodings.RLE && len(data) >= 4:
			n = 4 + int(binary.LittleEndian.Uint32(data))
		case l.encoding == parquet.Encodings.BitPacked:
			n = (int(p.NumValues())*bits.Len16(uint16(l.most)) + 7) / 8
		default:
			return nil, errPage
		}
		if n > len(data) {
			return nil, errPage
		}
		data = data[n:]
	}
	return data, nil
}

// maxBlock bounds the values of a block of deltas. Writers have 128 or 256.
const maxBlock = 1 << 16

// skipDeltas goes over a list in DELTA_BINARY_PACKED (Parquet's Encodings.md),
// and gives the number of its values and what follows it.
func skipDeltas(data []byte) (n int, rest []byte, err error) {
	var header [4]uint64 // block size, its parts, number of values, first value
	for i := range header {
		if header[i], data, err = uvarint(data); err != nil {
			return 0, nil, err
		}
	}
	block, parts, values := header[0], header[1], header[2]
	if parts == 0 || block == 0 || block > maxBlock || block%parts != 0 || block/parts%8 != 0 {
		return 0, nil, fmt.Errorf("a block of %d deltas in %d parts; the file is damaged", block, parts)
	}
	if values > 1<<31 {
		return 0, nil, fmt.Errorf("a page of %d deltas; the file is damaged", values)
	}
	n = int(values)
	part := int(block / parts)
	for left := n - 1; left > 0; {
		if _, data, err = uvarint(data); err != nil { // the least delta
			return 0, nil, err
		}
		if len(data) < int(parts) {
			return 0, nil, errPage
		}
		widths := data[:parts]
		data = data[parts:]
		for _, width := range widths {
			if left <= 0 {
				break
			}
			bytes := part / 8 * int(width)
			if bytes > len(data) {
				return 0, nil, errPage
			}
			data = data[bytes:]
			left -= part
		}
	}
	return n, data, nil
}

func uvarint(data []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, errPage
	}
	return v, data[n:], nil
}

// The library gives these two codecs room for a page, and lets them write more.
func init() {
	for name, decode := range map[compress.Compression]func(dst, src []byte) ([]byte, error){
		compress.Codecs.Snappy: decodeSnappy,
		compress.Codecs.Zstd:   decodeZstd,
	} {
		codec, err := compress.GetCodec(name)
		if err != nil {
			panic(err)
		}
		compress.RegisterCodec(name, boundedCodec{codec, decode})
	}
}

// boundedCodec is a codec that never decodes to more than it has room for.
type boundedCodec struct {
	compress.Codec
	decode func(dst, src []byte) ([]byte, error)
}

func (c boundedCodec) DecodeWithError(dst, src []byte) ([]byte, error) { return c.decode(dst, src) }

func decodeSnappy(dst, src []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > len(dst) {
		return nil, fmt.Errorf("it decodes to %d bytes, the page has %d", n, len(dst))
	}
	return snappy.Decode(dst, src)
}

// zstdDecoder keeps to its destination's capacity.
var zstdDecoder, _ = zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderConcurrency(0))

func decodeZstd(dst, src []byte) ([]byte, error) {
	return zstdDecoder.DecodeAll(src, dst[:0:len(dst)])
}
