package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/thrift/lib/go/thrift"
)

// Bounds of a Parquet file's schema. The library keeps some forty times a footer's
// bytes in memory, and the path of every column.
const (
	maxFooter  = 32 << 20
	maxColumns = 4096
	maxNested  = 128     // levels of groups
	maxPaths   = 4 << 20 // bytes of all columns' paths
)

// checkFooter looks at what ends the file: the schema's length and the magic, then
// the schema's tree, for which the library makes room before it has read it.
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
	n := int64(binary.LittleEndian.Uint32(end))
	switch {
	case n > size-12:
		return fmt.Errorf("its schema would have %d bytes, the file has %d", n, size)
	case n > maxFooter:
		return fmt.Errorf("its schema has %d MiB, at most %d are read; write the file with larger row groups", n>>20, maxFooter>>20)
	}
	footer := make([]byte, n)
	if _, err := f.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	elements, err := schemaElements(footer)
	if err != nil {
		return fmt.Errorf("its schema is damaged: %w", err)
	}
	return checkSchema(elements)
}

// element is one of the schema's, which lie in preorder.
type element struct {
	name     int // its length
	children int
}

// Fields of the footer (parquet.thrift).
const (
	fileSchema      = 2 // of FileMetaData
	elementName     = 4 // of SchemaElement
	elementChildren = 5
)

// schemaElements reads the schema from a footer, and walks over all the rest.
func schemaElements(footer []byte) ([]element, error) {
	ctx := context.Background()
	config := &thrift.TConfiguration{MaxMessageSize: int32(len(footer))} // of a list's or text's length
	in := thrift.NewTCompactProtocolConf(&thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(footer)}, config)
	var elements []element
	err := readStruct(ctx, in, func(id int16, kind thrift.TType) error {
		if id != fileSchema || kind != thrift.LIST {
			return in.Skip(ctx, kind)
		}
		of, n, err := in.ReadListBegin(ctx)
		if err != nil {
			return err
		}
		if of != thrift.STRUCT {
			return errors.New("it is no list of columns")
		}
		elements = nil
		for range n {
			e, err := readElement(ctx, in)
			if err != nil {
				return err
			}
			elements = append(elements, e)
		}
		return nil
	})
	return elements, err
}

func readElement(ctx context.Context, in thrift.TProtocol) (e element, err error) {
	err = readStruct(ctx, in, func(id int16, kind thrift.TType) error {
		switch {
		case id == elementName && kind == thrift.STRING:
			name, err := in.ReadString(ctx)
			e.name = len(name)
			return err
		case id == elementChildren && kind == thrift.I32:
			n, err := in.ReadI32(ctx)
			e.children = int(n)
			return err
		}
		return in.Skip(ctx, kind)
	})
	return e, err
}

func readStruct(ctx context.Context, in thrift.TProtocol, field func(id int16, kind thrift.TType) error) error {
	if _, err := in.ReadStructBegin(ctx); err != nil {
		return err
	}
	for {
		_, kind, id, err := in.ReadFieldBegin(ctx)
		if err != nil {
			return err
		}
		if kind == thrift.STOP {
			return in.ReadStructEnd(ctx)
		}
		if err := field(id, kind); err != nil {
			return err
		}
	}
}

// checkSchema says whether the elements are one tree within the bounds.
func checkSchema(elements []element) error {
	columns, paths := 0, 0
	open := []int{1} // children that are still to come, of each group around
	lengths := []int{0}
	for _, e := range elements {
		for len(open) > 0 && open[len(open)-1] == 0 {
			open, lengths = open[:len(open)-1], lengths[:len(lengths)-1]
		}
		if len(open) == 0 || e.children < 0 || e.children >= len(elements) {
			return errTree
		}
		open[len(open)-1]--
		path := lengths[len(lengths)-1] + e.name + 1
		if e.children > 0 {
			open, lengths = append(open, e.children), append(lengths, path)
		} else {
			columns, paths = columns+1, paths+path
		}
		switch {
		case columns > maxColumns:
			return fmt.Errorf("it has more than %d columns", maxColumns)
		case len(open) > maxNested:
			return fmt.Errorf("the columns are nested more than %d deep", maxNested)
		case paths > maxPaths:
			return fmt.Errorf("the columns' names have more than %d MiB", maxPaths>>20)
		}
	}
	for _, n := range open {
		if n != 0 {
			return errTree
		}
	}
	return nil
}

var errTree = errors.New("its schema is damaged: the columns are no tree")
