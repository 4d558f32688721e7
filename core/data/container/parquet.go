package container

import (
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// readParquet reads the rows of a Parquet file, columns by their names and
// nested ones as lists and objects. A compressed file is unpacked to a temporary one first.
func readParquet(path string, yield func(Record) error) (err error) {
	f, size, done, err := openParquet(path)
	if err != nil {
		return err
	}
	defer done()
	// The library panics on some damaged files.
	inYield := false
	defer func() {
		if p := recover(); p != nil {
			if inYield {
				panic(p)
			}
			err = fmt.Errorf("%s: the Parquet file is damaged, or of a kind that is not known: %v", path, p)
		}
	}()
	if err := checkFooter(f, size); err != nil {
		return fmt.Errorf("%s: not a whole Parquet file: %w", path, err)
	}
	r, err := file.NewParquetReader(f, file.WithReadProps(readerProperties(size)))
	if err != nil {
		return fmt.Errorf("%s: not a whole Parquet file: %w", path, err)
	}
	root, err := newRoot(r.MetaData().Schema)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rows := parquetRows{path: path, root: root, yield: func(r Record) error {
		inYield = true
		err := yield(r)
		inYield = false
		return err
	}}
	for i := range r.NumRowGroups() {
		group := r.RowGroup(i)
		if err := checkGroup(group, size); err != nil {
			return fmt.Errorf("%s: row group %d: %w", path, i+1, err)
		}
		if err := rows.group(group); err != nil {
			return err
		}
	}
	return nil
}

// readerProperties has the library read page by page, of no more bytes than
// the file may have reason for.
func readerProperties(size int64) *parquet.ReaderProperties {
	p := parquet.NewReaderProperties(nil)
	p.BufferedStreamEnabled = true
	p.MaxCompressedPageSize = min(maxPage, size)
	p.MaxUncompressedPageSize = min(maxPage, 64<<20+64*size)
	return p
}

// parquetRows gives the rows of one group after the other.
type parquetRows struct {
	path   string
	root   *node
	number int
	yield  func(Record) error
}

func (p *parquetRows) group(g *file.RowGroupReader) (err error) {
	columns := make([]*column, g.NumColumns())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.close()
			}
		}
	}()
	for i := range columns {
		r, err := g.Column(i)
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		if columns[i], err = newColumn(r); err != nil {
			return fmt.Errorf("%s: column %s: %w", p.path, r.Descriptor().Path(), err)
		}
	}
	parts := make([]part, len(columns))
	for range g.NumRows() {
		p.number++
		record, err := p.row(columns, parts)
		if err != nil {
			return fmt.Errorf("%s (record %d): %w", p.path, p.number, err)
		}
		if err := p.yield(Record{JSON: record, Source: p.path, Number: p.number}); err != nil {
			return err
		}
	}
	for _, c := range columns {
		if c.more() {
			return fmt.Errorf("%s: after record %d: column %s goes on where the row group should end; the file is damaged", p.path, p.number, c.path)
		}
	}
	return nil
}

func (p *parquetRows) row(columns []*column, parts []part) ([]byte, error) {
	left := maxRecord
	for i, c := range columns {
		var err error
		if parts[i], err = c.row(&left); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.path, err)
		}
	}
	return p.root.record(parts)
}

func openParquet(path string) (f *os.File, size int64, done func(), err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, nil, fmt.Errorf("dataset: %w", err)
	}
	done = func() { f.Close() }
	start := make([]byte, 4)
	if n, _ := io.ReadFull(f, start); n == 4 && string(start) != "PAR1" && string(start) != "PARE" {
		f.Close()
		if f, err = unpack(path); err != nil {
			return nil, 0, nil, err
		}
		unpacked := f
		done = func() {
			unpacked.Close()
			os.Remove(unpacked.Name())
		}
	}
	st, err := f.Stat()
	if err != nil {
		done()
		return nil, 0, nil, err
	}
	return f, st.Size(), done, nil
}

// maxUnpacked and 32 times its size bound, in bytes, what a compressed Parquet
// file may unpack to: pages are compressed already, so that little is left to win. Tests make
// it smaller.
var maxUnpacked int64 = 1 << 30

// unpack writes what a compressed file holds to a temporary one: Parquet is
// read from its end.
func unpack(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	in, err := open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.CreateTemp("", ".loraedge-*.parquet")
	if err != nil {
		return nil, fmt.Errorf("%s: no place to unpack it: %w", path, err)
	}
	most := maxUnpacked + 32*st.Size()
	n, err := io.Copy(out, io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it unpacks to more than %d MiB, which no Parquet file has reason for; unpack it yourself if it is meant so", most>>20)
	}
	if err != nil {
		out.Close()
		os.Remove(out.Name())
		return nil, fmt.Errorf("unpacking %s: %w", path, err)
	}
	return out, nil
}
