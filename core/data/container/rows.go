package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

type nodeKind int

const (
	leafNode nodeKind = iota
	objectNode
	listNode // children: the element
	mapNode  // children: key, value
)

// node writes one column of Parquet rows as JSON. A row comes as the cells of
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
}

// levels are the definition and repetition level around a column.
type levels struct{ defined, repeats int }

const maxDepth = 32

// newRoot reads a schema.
func newRoot(s *schema.Schema) (*node, error) {
	root := &node{kind: objectNode, name: `""`}
	for _, f := range fields(s.Root()) {
		if err := root.add(f, levels{}, 1); err != nil {
			return nil, err
		}
	}
	if root.leaves == 0 {
		return nil, errors.New("the table has no columns")
	}
	return root, nil
}

// fields are a group's members, none for a leaf.
func fields(n schema.Node) []schema.Node {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		return nil
	}
	all := make([]schema.Node, g.NumFields())
	for i := range all {
		all[i] = g.Field(i)
	}
	return all
}

func isLeaf(n schema.Node) bool { return n.Type() == schema.Primitive }

func isRepeated(n schema.Node) bool { return n.RepetitionType() == parquet.Repetitions.Repeated }

// add appends a field as a child.
func (n *node) add(f schema.Node, around levels, depth int) error {
	child, err := newNode(f, around, n.first+n.leaves, depth)
	if err != nil {
		return err
	}
	n.children = append(n.children, child)
	n.leaves += child.leaves
	return nil
}

func newNode(f schema.Node, around levels, first, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the columns are nested more than %d deep", maxDepth)
	}
	if isRepeated(f) { // a list without the wrapping of later versions
		list := &node{kind: listNode, first: first, defined: around.defined, filled: around.defined + 1, repeats: around.repeats + 1}
		element, err := newContent(f, levels{list.filled, list.repeats}, first, depth)
		if err != nil {
			return nil, err
		}
		list.name, list.children, list.leaves = element.name, []*node{element}, element.leaves
		return list, nil
	}
	if f.RepetitionType() == parquet.Repetitions.Optional {
		around.defined++
	}
	return newContent(f, around, first, depth)
}

// newContent is a field without regard to its being optional or repeated,
// which around has in it.
func newContent(f schema.Node, around levels, first, depth int) (*node, error) {
	name, err := json.Marshal(f.Name())
	if err != nil {
		return nil, err
	}
	n := &node{kind: objectNode, name: string(name), first: first, defined: around.defined}
	if isLeaf(f) {
		n.kind, n.leaves = leafNode, 1
		return n, nil
	}
	members := fields(f)
	if len(members) == 1 && isRepeated(members[0]) {
		switch f.LogicalType().(type) {
		case schema.ListLogicalType:
			return n, n.addElement(members[0], n.fill(around), depth)
		case schema.MapLogicalType:
			if inner := fields(members[0]); len(inner) == 2 {
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
func (n *node) addElement(repeated schema.Node, around levels, depth int) error {
	n.kind = listNode
	if !isLeaf(repeated) {
		inner := fields(repeated)
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
func (n *node) record(row []part) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := n.put(&b, row); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var errLevels = errors.New("the row's columns do not fit each other: the file is damaged")

// put writes the node's value; columns are those of its leaves.
func (n *node) put(b *bytes.Buffer, columns []part) error {
	if b.Len() > maxRecord {
		return fmt.Errorf("the record is longer than %d MiB", maxRecord>>20)
	}
	if len(columns[0].cells) == 0 {
		return errLevels
	}
	head := columns[0].cells[0]
	if int(head.defined) < n.defined {
		b.WriteString("null")
		return nil
	}
	switch n.kind {
	case leafNode:
		b.Write(columns[0].text[head.from:head.to])
		return nil
	case objectNode:
		b.WriteByte('{')
		err := n.members(b, columns)
		b.WriteByte('}')
		return err
	}
	return n.elements(b, columns)
}

func (n *node) members(b *bytes.Buffer, columns []part) error {
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
func (n *node) elements(b *bytes.Buffer, columns []part) error {
	brackets := "[]"
	if n.kind == mapNode {
		brackets = "{}"
	}
	b.WriteByte(brackets[0])
	rest := append([]part(nil), columns...)
	element := make([]part, len(columns))
	for i := 0; len(rest[0].cells) > 0 && int(columns[0].cells[0].defined) >= n.filled; i++ {
		for c := range rest {
			cells := rest[c].cells
			if len(cells) == 0 {
				return errLevels
			}
			end := 1
			for end < len(cells) && int(cells[end].repeats) > n.repeats {
				end++
			}
			element[c] = part{cells[:end], rest[c].text}
			rest[c].cells = cells[end:]
		}
		if i > 0 {
			b.WriteByte(',')
		}
		if err := n.element(b, element); err != nil {
			return err
		}
	}
	b.WriteByte(brackets[1])
	return nil
}

func (n *node) element(b *bytes.Buffer, parts []part) error {
	if n.kind == listNode {
		return n.children[0].put(b, parts)
	}
	key, value := n.children[0], n.children[1]
	var text bytes.Buffer
	if err := key.put(&text, parts[:key.leaves]); err != nil {
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
	return value.put(b, parts[key.leaves:])
}
