package container

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// valuesAtOnce is how many values of a column are held while reading.
const valuesAtOnce = 256

// column gives the values of one leaf of the schema, row by row.
type column struct {
	path             string
	defined, repeats int // the highest levels
	reader           file.ColumnChunkReader

	// One batch: read fills it, put writes one of its values as JSON.
	read        func() (levels int64, values int, err error)
	put         func(b *bytes.Buffer, i int) error
	defs, reps  []int16
	level, n    int // next level, their number
	value, held int // next value, their number

	cells []cell
	text  bytes.Buffer
}

// cell is a value of a leaf, or a place where there is none: the levels of
// Dremel (Melnik et al. 2010, section 4), and where its JSON lies in the column's text.
type cell struct {
	defined, repeats int16
	from, to         int32
}

// part is what a column holds of a row, or of a piece of one.
type part struct {
	cells []cell
	text  []byte
}

// cellCost is what a cell counts, in bytes, beside its text.
const cellCost = 8

func newColumn(r file.ColumnChunkReader) (*column, error) {
	d := r.Descriptor()
	c := &column{
		path: d.Path(), reader: r,
		defined: int(d.MaxDefinitionLevel()), repeats: int(d.MaxRepetitionLevel()),
		defs: make([]int16, valuesAtOnce), reps: make([]int16, valuesAtOnce),
	}
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		readBatches(c, r.ReadBatchInPage, putBool)
	case *file.Float32ColumnChunkReader:
		readBatches(c, r.ReadBatchInPage, putFloat32)
	case *file.Float64ColumnChunkReader:
		readBatches(c, r.ReadBatchInPage, putFloat64)
	case *file.Int96ColumnChunkReader:
		readBatches(c, r.ReadBatchInPage, putInt96)
	case *file.Int32ColumnChunkReader:
		put, err := integerWriter(d, 32)
		if err != nil {
			return nil, err
		}
		readBatches(c, r.ReadBatchInPage, func(b *bytes.Buffer, v int32) error { return put(b, int64(v)) })
	case *file.Int64ColumnChunkReader:
		put, err := integerWriter(d, 64)
		if err != nil {
			return nil, err
		}
		readBatches(c, r.ReadBatchInPage, put)
	case *file.ByteArrayColumnChunkReader:
		put, err := bytesWriter(d)
		if err != nil {
			return nil, err
		}
		readBatches(c, r.ReadBatchInPage, func(b *bytes.Buffer, v parquet.ByteArray) error { return put(b, v) })
	case *file.FixedLenByteArrayColumnChunkReader:
		if n := d.TypeLength(); n < 1 || n > maxFixedLength {
			return nil, fmt.Errorf("its values would have %d bytes each, wanted 1 to %d", n, maxFixedLength)
		}
		put, err := bytesWriter(d)
		if err != nil {
			return nil, err
		}
		readBatches(c, r.ReadBatchInPage, func(b *bytes.Buffer, v parquet.FixedLenByteArray) error { return put(b, v) })
	default:
		return nil, fmt.Errorf("values of type %s are not known", d.PhysicalType())
	}
	return c, nil
}

// maxFixedLength is in bytes; the library makes room for a batch of such values
// before it looks whether the page has them.
const maxFixedLength = 1 << 14

// readBatches gives the column its reader. A batch never crosses a page, so
// that its byte arrays lie in the page and stay valid until the next.
func readBatches[T any](c *column, read func(int64, []T, []int16, []int16) (int64, int, error), put func(*bytes.Buffer, T) error) {
	values := make([]T, valuesAtOnce)
	c.read = func() (int64, int, error) { return read(valuesAtOnce, values, c.defs, c.reps) }
	c.put = func(b *bytes.Buffer, i int) error { return put(b, values[i]) }
}

var errRowsEnd = errors.New("the values end before the announced number of rows; the file is damaged")

// row gives the cells of the next row, valid until the following call. What
// they need of memory is taken from left.
func (c *column) row(left *int) (part, error) {
	c.cells = c.cells[:0]
	c.text.Reset()
	for {
		if c.level == c.n {
			if err := c.fill(); err != nil {
				return part{}, err
			}
			if c.n == 0 && len(c.cells) == 0 {
				return part{}, errRowsEnd
			}
		}
		if c.n == 0 || len(c.cells) > 0 && c.reps[c.level] == 0 {
			break
		}
		if err := c.cell(); err != nil {
			return part{}, err
		}
		if *left -= c.size(); *left < 0 {
			return part{}, fmt.Errorf("the record is longer than %d MiB", maxRecord>>20)
		}
		if c.repeats == 0 {
			break
		}
	}
	return part{c.cells, c.text.Bytes()}, nil
}

// size is that of the last cell.
func (c *column) size() int {
	last := c.cells[len(c.cells)-1]
	return cellCost + int(last.to-last.from)
}

// fill reads the next batch; n is 0 at the column's end.
func (c *column) fill() error {
	levels, values, err := c.read()
	if err == nil {
		err = c.reader.Err()
	}
	if err != nil {
		return err
	}
	c.level, c.n, c.value, c.held = 0, int(levels), 0, values
	return nil
}

// cell takes the next level and, where it is defined, the next value.
func (c *column) cell() error {
	x := cell{defined: c.defs[c.level], repeats: c.reps[c.level], from: int32(c.text.Len())}
	c.level++
	if d, r := int(x.defined), int(x.repeats); d < 0 || d > c.defined || r < 0 || r > c.repeats || len(c.cells) == 0 && r != 0 {
		return errLevels
	}
	if int(x.defined) == c.defined {
		if c.value == c.held {
			return errors.New("there are fewer values than its levels say; the file is damaged")
		}
		if err := c.put(&c.text, c.value); err != nil {
			return err
		}
		c.value++
	}
	x.to = int32(c.text.Len())
	c.cells = append(c.cells, x)
	return nil
}

// more says whether values are left.
func (c *column) more() bool {
	return c.level < c.n || c.fill() == nil && c.n > 0
}

func (c *column) close() { c.reader.Close() }
