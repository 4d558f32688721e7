package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// rowsAtOnce is how many rows are held while reading.
const rowsAtOnce = 64

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
			err = fmt.Errorf("%s: the Parquet file is damaged: %v", path, p)
		}
	}()
	if err := checkFooter(f, size); err != nil {
		return fmt.Errorf("%s: not a whole Parquet file: %w", path, err)
	}
	file, err := parquet.OpenFile(f, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return fmt.Errorf("%s: not a whole Parquet file: %w", path, err)
	}
	root, err := newRoot(file.Schema())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rows := parquetRows{path: path, root: root, yield: func(r Record) error {
		inYield = true
		err := yield(r)
		inYield = false
		return err
	}}
	for _, group := range file.RowGroups() {
		if err := rows.group(group); err != nil {
			return err
		}
	}
	return nil
}

// checkFooter looks at the length of the schema, which ends the file with the
// magic: the library would make room for whatever it says.
func checkFooter(f io.ReaderAt, size int64) error {
	end := make([]byte, 8)
	if size < 12 {
		return fmt.Errorf("it has %d bytes", size)
	}
	if _, err := f.ReadAt(end, size-8); err != nil {
		return err
	}
	switch magic := string(end[4:]); {
	case magic == "PARE":
		return errors.New("it is encrypted")
	case magic != "PAR1" && isLFSPointer(f):
		return errLFSPointer
	case magic != "PAR1":
		return errors.New("its end is missing; is the file cut off?")
	}
	if n := int64(binary.LittleEndian.Uint32(end)); n > size-12 {
		return fmt.Errorf("its schema would have %d bytes, the file has %d", n, size)
	}
	return nil
}

// parquetRows gives the rows of one group after the other.
type parquetRows struct {
	path   string
	root   *node
	number int
	yield  func(Record) error
}

func (p *parquetRows) group(g parquet.RowGroup) error {
	rows := g.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, rowsAtOnce)
	for {
		n, readErr := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			p.number++
			record, err := p.root.record(row)
			if err != nil {
				return fmt.Errorf("%s (record %d): %w", p.path, p.number, err)
			}
			if err := p.yield(Record{JSON: record, Source: p.path, Number: p.number}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("%s: after record %d: %w", p.path, p.number, readErr)
		case n == 0:
			return fmt.Errorf("%s: after record %d: the rows end before their announced number", p.path, p.number)
		}
	}
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

// unpack writes what a compressed file holds to a temporary one: Parquet is
// read from its end.
func unpack(path string) (*os.File, error) {
	in, err := open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.CreateTemp("", ".loraedge-*.parquet")
	if err != nil {
		return nil, fmt.Errorf("%s: no place to unpack it: %w", path, err)
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		os.Remove(out.Name())
		return nil, fmt.Errorf("unpacking %s: %w", path, err)
	}
	return out, nil
}
