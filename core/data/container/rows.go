package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

type nodeKind int

const (
	leafNode nodeKind = iota
	objectNode
	listNode // children: the element
	mapNode  // children: key, value
)

// node writes one column of Parquet rows as JSON. A row comes as the values of
// its leaves, each with the level to which it is defined and that at which it repeats
// (Melnik et al. 2010, Dremel, section 4).
type node struct {
	kind     nodeKind
	name     string // as a JSON string
	defined  int    // definition level from which it is not null
	filled   int    // of a list: definition level from which it has an element
	repeats  int    // of a list: repetition level of its elements
	first    int    // its first leaf's column
	leaves   int
	children []*node
	write    func(*bytes.Buffer, parquet.Value) error // of a leaf
}

// levels are the definition and repetition level around a column.
type levels struct{ defined, repeats int }

const maxDepth = 32

// newRoot reads a schema.
func newRoot(schema *parquet.Schema) (*node, error) {
	root := &node{kind: objectNode, name: `""`}
	for _, f := range schema.Fields() {
		if err := root.add(f, levels{}, 1); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// add appends a field as a child.
func (n *node) add(f parquet.Field, around levels, depth int) error {
	child, err := newNode(f, around, n.first+n.leaves, depth)
	if err != nil {
		return err
	}
	n.children = append(n.children, child)
	n.leaves += child.leaves
	return nil
}

func newNode(f parquet.Field, around levels, first, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the columns are nested more than %d deep", maxDepth)
	}
	if f.Repeated() { // a list without the wrapping of later versions
		list := &node{kind: listNode, first: first, defined: around.defined, filled: around.defined + 1, repeats: around.repeats + 1}
		element, err := newContent(f, levels{list.filled, list.repeats}, first, depth)
		if err != nil {
			return nil, err
		}
		list.name, list.children, list.leaves = element.name, []*node{element}, element.leaves
		return list, nil
	}
	if f.Optional() {
		around.defined++
	}
	return newContent(f, around, first, depth)
}

// newContent is a field without regard to its being optional or repeated,
// which around has in it.
func newContent(f parquet.Field, around levels, first, depth int) (*node, error) {
	name, err := json.Marshal(f.Name())
	if err != nil {
		return nil, err
	}
	n := &node{kind: objectNode, name: string(name), first: first, defined: around.defined}
	if f.Leaf() {
		n.kind, n.leaves, n.write = leafNode, 1, leafWriter(f.Type())
		return n, nil
	}
	members := f.Fields()
	if len(members) == 1 && members[0].Repeated() {
		switch logicalType(f.Type()).(type) {
		case *format.ListType:
			return n, n.addElement(members[0], n.fill(around), depth)
		case *format.MapType:
			if inner := members[0].Fields(); len(inner) == 2 {
				n.kind, members = mapNode, inner
				around = n.fill(around)
			}
		}
	}
	for _, m := range members {
		if err := n.add(m, around, depth+1); err != nil {
			return nil, err
		}
	}
	if n.leaves == 0 {
		return nil, fmt.Errorf("the column %s has no values", n.name)
	}
	return n, nil
}

// fill notes the levels of the elements of a list or map, and gives them.
func (n *node) fill(around levels) levels {
	n.filled, n.repeats = around.defined+1, around.repeats+1
	return levels{n.filled, n.repeats}
}

// addElement makes the node a list. Its elements are the only member of the
// repeated group, or, as older programs wrote lists, what is repeated itself
// (Parquet's LogicalTypes.md, backward-compatibility rules).
func (n *node) addElement(repeated parquet.Field, around levels, depth int) error {
	n.kind = listNode
	if !repeated.Leaf() {
		inner := repeated.Fields()
		if name := repeated.Name(); len(inner) == 1 && name != "array" && name != strings.Trim(n.name, `"`)+"_tuple" {
			return n.add(inner[0], around, depth+1)
		}
	}
	element, err := newContent(repeated, around, n.first, depth+1)
	if err != nil {
		return err
	}
	n.children, n.leaves = []*node{element}, element.leaves
	return nil
}

// record writes a row as a JSON object.
func (n *node) record(row parquet.Row) (json.RawMessage, error) {
	columns := make([][]parquet.Value, n.leaves)
	row.Range(func(column int, values []parquet.Value) bool {
		if column < len(columns) {
			columns[column] = values
		}
		return true
	})
	var b bytes.Buffer
	if err := n.put(&b, columns); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var errLevels = errors.New("the row's columns do not fit each other: the file is damaged")

// put writes the node's value; columns are those of its leaves.
func (n *node) put(b *bytes.Buffer, columns [][]parquet.Value) error {
	if b.Len() > maxRecord {
		return fmt.Errorf("the record is longer than %d MiB", maxRecord>>20)
	}
	if n.leaves == 0 {
		b.WriteString("{}")
		return nil
	}
	if len(columns[0]) == 0 {
		return errLevels
	}
	head := columns[0][0]
	if head.DefinitionLevel() < n.defined {
		b.WriteString("null")
		return nil
	}
	switch n.kind {
	case leafNode:
		if head.IsNull() {
			b.WriteString("null")
			return nil
		}
		if err := n.write(b, head); err != nil {
			return fmt.Errorf("column %s: %w", n.name, err)
		}
		return nil
	case objectNode:
		b.WriteByte('{')
		err := n.members(b, columns)
		b.WriteByte('}')
		return err
	}
	return n.elements(b, columns)
}

func (n *node) members(b *bytes.Buffer, columns [][]parquet.Value) error {
	for i, c := range n.children {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.name)
		b.WriteByte(':')
		at := c.first - n.first
		if err := c.put(b, columns[at:at+c.leaves]); err != nil {
			return err
		}
	}
	return nil
}

// elements writes a list or map: an element begins where a value repeats at its level.
func (n *node) elements(b *bytes.Buffer, columns [][]parquet.Value) error {
	brackets := "[]"
	if n.kind == mapNode {
		brackets = "{}"
	}
	b.WriteByte(brackets[0])
	rest := append([][]parquet.Value(nil), columns...)
	part := make([][]parquet.Value, len(columns))
	for i := 0; len(rest[0]) > 0 && columns[0][0].DefinitionLevel() >= n.filled; i++ {
		for c := range rest {
			if len(rest[c]) == 0 {
				return errLevels
			}
			end := 1
			for end < len(rest[c]) && rest[c][end].RepetitionLevel() > n.repeats {
				end++
			}
			part[c], rest[c] = rest[c][:end], rest[c][end:]
		}
		if i > 0 {
			b.WriteByte(',')
		}
		if err := n.element(b, part); err != nil {
			return err
		}
	}
	b.WriteByte(brackets[1])
	return nil
}

func (n *node) element(b *bytes.Buffer, part [][]parquet.Value) error {
	if n.kind == listNode {
		return n.children[0].put(b, part)
	}
	key, value := n.children[0], n.children[1]
	var text bytes.Buffer
	if err := key.put(&text, part[:key.leaves]); err != nil {
		return err
	}
	if t := text.Bytes(); len(t) == 0 || t[0] != '"' { // JSON has no other keys
		name := string(t)
		text.Reset()
		if err := putString(&text, name); err != nil {
			return err
		}
	}
	b.Write(text.Bytes())
	b.WriteByte(':')
	return value.put(b, part[key.leaves:])
}

// leafWriter writes the values of a type: numbers and truth values as JSON has them,
// text as a string, anything else as a string that shows it.
func leafWriter(t parquet.Type) func(*bytes.Buffer, parquet.Value) error {
	switch t.Kind() {
	case parquet.Boolean:
		return func(b *bytes.Buffer, v parquet.Value) error {
			b.WriteString(strconv.FormatBool(v.Boolean()))
			return nil
		}
	case parquet.Float, parquet.Double:
		return putFloat
	case parquet.Int32, parquet.Int64:
		switch l := logicalType(t).(type) {
		case nil:
			return func(b *bytes.Buffer, v parquet.Value) error { return putInteger(b, v, true) }
		case *format.IntType:
			return func(b *bytes.Buffer, v parquet.Value) error { return putInteger(b, v, l.IsSigned) }
		}
	case parquet.ByteArray:
		switch logicalType(t).(type) {
		case nil:
			return func(b *bytes.Buffer, v parquet.Value) error { return putText(b, v.ByteArray(), false) }
		case *format.StringType, *format.JsonType, *format.EnumType:
			return func(b *bytes.Buffer, v parquet.Value) error { return putText(b, v.ByteArray(), true) }
		}
	}
	return func(b *bytes.Buffer, v parquet.Value) error { return putText(b, []byte(v.String()), false) }
}

// logicalType is what a column's values mean, nil where it is not said.
func logicalType(t parquet.Type) format.LogicalTypeValue {
	if l := t.LogicalType(); l != nil {
		return l.Value
	}
	return nil
}

func putFloat(b *bytes.Buffer, v parquet.Value) error {
	bits := 64
	x := v.Double()
	if v.Kind() == parquet.Float {
		bits, x = 32, float64(v.Float())
	}
	if math.IsNaN(x) || math.IsInf(x, 0) { // JSON has no such number
		b.WriteString("null")
		return nil
	}
	b.Write(strconv.AppendFloat(nil, x, 'g', -1, bits))
	return nil
}

func putInteger(b *bytes.Buffer, v parquet.Value, signed bool) error {
	switch {
	case v.Kind() == parquet.Int32 && signed:
		b.WriteString(strconv.FormatInt(int64(v.Int32()), 10))
	case v.Kind() == parquet.Int32:
		b.WriteString(strconv.FormatUint(uint64(v.Uint32()), 10))
	case signed:
		b.WriteString(strconv.FormatInt(v.Int64(), 10))
	default:
		b.WriteString(strconv.FormatUint(v.Uint64(), 10))
	}
	return nil
}

// putText writes a string. Bytes that are not said to be text, such as an
// image's, are told by their number.
func putText(b *bytes.Buffer, text []byte, sure bool) error {
	if !utf8.Valid(text) {
		if sure {
			return fmt.Errorf("not UTF-8 at byte %d", invalidAt(text))
		}
		text = fmt.Appendf(nil, "(binary data of %d bytes)", len(text))
	}
	return putString(b, string(text))
}
