package config

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// span is a range of bytes of a source.
type span struct{ start, end int }

// mark says where a key and its value stand. Tables have entries, arrays
// (also arrays of tables) have items; a dotted key or a header marks each of
// its parts.
type mark struct {
	key, value span
	entries    map[string]*mark
	items      []*mark
}

// maxDepth bounds dotted keys and nested values: the TOML library needs memory
// that grows with the square of a key's parts.
const maxDepth = 32

// scanner finds marks in TOML that the library has accepted. On other input
// its marks mean nothing, but it ends, in time linear in the input, and stays
// inside it.
type scanner struct {
	src string
	pos int
	// tooDeep is where nesting passed maxDepth, or -1.
	tooDeep int
}

// scan returns the marks of a whole file and the offset at which keys or
// values are nested too deep, or -1.
func scan(src string) (root *mark, tooDeep int) {
	s := &scanner{src: src, tooDeep: -1}
	root = &mark{entries: map[string]*mark{}}
	table := root
	for s.space("\n"); s.pos < len(src) && s.tooDeep < 0; s.space("\n") {
		before := s.pos
		if s.peek() == '[' {
			table = s.header(root)
		} else {
			s.assignment(table)
		}
		if s.pos == before {
			s.pos++
		}
	}
	return root, s.tooDeep
}

// header reads [a.b] or [[a.b]] and returns the mark of the table it opens.
func (s *scanner) header(root *mark) *mark {
	start := s.pos
	s.pos++
	list := s.peek() == '['
	if list {
		s.pos++
	}
	parts := s.dottedKey()
	s.skipTo("]")
	for range 2 {
		if s.peek() == ']' {
			s.pos++
		}
	}
	whole := span{start, s.pos}
	if len(parts) == 0 {
		return &mark{entries: map[string]*mark{}}
	}
	last := len(parts) - 1
	parent := root
	for _, part := range parts[:last] {
		parent = parent.open(part, whole)
	}
	if !list {
		return parent.open(parts[last], whole)
	}
	entry := parent.entries[parts[last].name]
	if entry == nil || entry.entries != nil {
		entry = &mark{key: parts[last].at, value: whole}
		parent.entries[parts[last].name] = entry
	}
	item := &mark{key: parts[last].at, value: whole, entries: map[string]*mark{}}
	entry.items = append(entry.items, item)
	return item
}

// assignment reads key = value into table.
func (s *scanner) assignment(table *mark) {
	parts := s.dottedKey()
	s.space("")
	if s.peek() != '=' || len(parts) == 0 {
		s.skipTo("\n")
		return
	}
	s.pos++
	s.space("")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		table = table.open(part, part.at)
	}
	m := s.value(1)
	m.key = parts[last].at
	table.entries[parts[last].name] = m
}

// keyPart is one name of a dotted key.
type keyPart struct {
	name string
	at   span
}

// open returns the table at a key: as it is, made new, or, for an array of
// tables, its last item.
func (m *mark) open(part keyPart, value span) *mark {
	entry := m.entries[part.name]
	if entry != nil && len(entry.items) > 0 {
		entry = entry.items[len(entry.items)-1]
	}
	if entry == nil || entry.entries == nil {
		entry = &mark{key: part.at, value: value, entries: map[string]*mark{}}
		m.entries[part.name] = entry
	}
	return entry
}

func (s *scanner) dottedKey() []keyPart {
	var parts []keyPart
	for {
		s.space("")
		start := s.pos
		name := ""
		if c := s.peek(); c == '"' || c == '\'' {
			s.quoted()
			name = unquote(s.src[start:s.pos])
		} else {
			s.skipTo(" \t\r\n.=[]{},#\"'")
			name = s.src[start:s.pos]
		}
		if s.pos == start {
			return parts
		}
		if len(parts) == maxDepth {
			s.tooDeep = start
			return parts
		}
		parts = append(parts, keyPart{name, span{start, s.pos}})
		s.space("")
		if s.peek() != '.' {
			return parts
		}
		s.pos++
	}
}

// value reads one value; depth counts the values around it.
func (s *scanner) value(depth int) *mark {
	start := s.pos
	m := &mark{}
	if depth > maxDepth {
		s.tooDeep = start
	}
	switch c := s.peek(); {
	case s.tooDeep >= 0:
	case c == '"' || c == '\'':
		s.quoted()
	case c == '[':
		s.array(m, depth)
	case c == '{':
		s.inlineTable(m, depth)
	default:
		s.skipTo(",]}#\r\n")
		s.pos = start + len(strings.TrimRight(s.src[start:s.pos], " \t"))
	}
	m.value = span{start, s.pos}
	return m
}

func (s *scanner) array(m *mark, depth int) {
	s.pos++
	for s.space("\n,"); s.pos < len(s.src) && s.peek() != ']' && s.tooDeep < 0; s.space("\n,") {
		before := s.pos
		item := s.value(depth + 1)
		item.key = item.value
		m.items = append(m.items, item)
		if s.pos == before {
			s.pos++
		}
	}
	if s.peek() == ']' {
		s.pos++
	}
}

func (s *scanner) inlineTable(m *mark, depth int) {
	m.entries = map[string]*mark{}
	s.pos++
	for s.space("\n,"); s.pos < len(s.src) && s.peek() != '}' && s.tooDeep < 0; s.space("\n,") {
		before := s.pos
		table := m
		parts := s.dottedKey()
		s.space("")
		if s.peek() == '=' && len(parts) > 0 {
			s.pos++
			s.space("")
			last := len(parts) - 1
			for _, part := range parts[:last] {
				table = table.open(part, part.at)
			}
			v := s.value(depth + len(parts))
			v.key = parts[last].at
			table.entries[parts[last].name] = v
		}
		if s.pos == before {
			s.pos++
		}
	}
	if s.peek() == '}' {
		s.pos++
	}
}

// quoted moves past a string in any of TOML's four forms.
func (s *scanner) quoted() {
	quote := s.src[s.pos : s.pos+1]
	long := strings.HasPrefix(s.src[s.pos:], strings.Repeat(quote, 3))
	if long {
		quote = strings.Repeat(quote, 3)
	}
	s.pos += len(quote)
	for s.pos < len(s.src) {
		switch {
		case quote[0] == '"' && s.src[s.pos] == '\\':
			s.pos = min(s.pos+2, len(s.src))
		case strings.HasPrefix(s.src[s.pos:], quote):
			s.pos += len(quote)
			// Up to two quotes may stand directly before the closing three.
			for n := 0; long && n < 2 && s.peek() == quote[0]; n++ {
				s.pos++
			}
			return
		case !long && s.src[s.pos] == '\n':
			return
		default:
			s.pos++
		}
	}
}

// unquote gives the name that a quoted key stands for.
func unquote(quoted string) string {
	var v struct{ K string }
	if _, err := toml.Decode(fmt.Sprintf("K = %s", quoted), &v); err != nil {
		return quoted
	}
	return v.K
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// skipTo moves to the next byte that is one of stops, or to the end.
func (s *scanner) skipTo(stops string) {
	if i := strings.IndexAny(s.src[s.pos:], stops); i >= 0 {
		s.pos += i
		return
	}
	s.pos = len(s.src)
}

// space moves past blanks, comments and the bytes in more. A comment ends
// before its line feed; only where more holds "\n" can one be met.
func (s *scanner) space(more string) {
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == ' ' || c == '\t' || c == '\r' || strings.IndexByte(more, c) >= 0:
			s.pos++
		case c == '#' && more != "":
			s.skipTo("\n")
		default:
			return
		}
	}
}
