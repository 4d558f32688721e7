package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// source is a text that errors point into: the file, or one --set override.
type source struct {
	file string
	text string
	// override is the place among the --set overrides, from 1; 0 for the file.
	override int
	// shift is added to every span: the length of the "--set " before an override.
	shift int
}

// node is a TOML value that knows its place. Exactly one of value, table and
// list is set; a table or list may be empty but is not nil then.
type node struct {
	src   *source
	key   span // the key's name, or all of an array's item
	at    span // the value; for a table opened by a header, the header
	value any  // string, int64, float64, bool, or a date or time
	table map[string]*node
	list  []*node
}

// readTree parses a whole file.
func readTree(file string, text []byte) (*node, Errors) {
	src := &source{file: file, text: strings.TrimPrefix(string(text), "\ufeff")}
	return parseTree(src, src.text)
}

// parseTree parses text, which is src.text without its first shift bytes.
func parseTree(src *source, text string) (*node, Errors) {
	root := &node{src: src, table: map[string]*node{}}
	if i := invalidUTF8(text); i >= 0 {
		return root, Errors{src.errorAt(span{i, i + 1}, "the file is not UTF-8 text",
			"save it as UTF-8 in the editor")}
	}
	marks, tooDeep := scan(text)
	if tooDeep >= 0 {
		return root, Errors{src.errorAt(span{tooDeep, tooDeep + 1}, "keys or values are nested deeper than any setting is", "")}
	}
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		return root, Errors{src.syntaxError(text, err)}
	}
	return join(src, marks, values), nil
}

func invalidUTF8(text string) int {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return i
		}
	}
	return -1
}

// join makes nodes of the library's values and the scanner's marks.
func join(src *source, m *mark, v any) *node {
	n := &node{src: src, key: m.key, at: m.value}
	switch v := v.(type) {
	case map[string]any:
		n.table = map[string]*node{}
		for name, value := range v {
			n.table[name] = join(src, orParent(m.entries[name], m), value)
		}
	case []map[string]any:
		n.list = make([]*node, len(v))
		for i := range v {
			n.list[i] = join(src, item(m, i), v[i])
		}
	case []any:
		n.list = make([]*node, len(v))
		for i := range v {
			n.list[i] = join(src, item(m, i), v[i])
		}
	default:
		n.value = v
	}
	return n
}

func item(m *mark, i int) *mark {
	if i < len(m.items) {
		return m.items[i]
	}
	return orParent(nil, m)
}

// orParent stands in for a mark that the scanner did not find with the place
// of the value around it.
func orParent(m, parent *mark) *mark {
	if m != nil {
		return m
	}
	return &mark{key: parent.key, value: parent.value}
}

// syntaxError gives the library's finding the look of every other error. The
// library's column is off where an error stands at a line's start, so the
// column comes from its byte offset, where that agrees with its line.
func (src *source) syntaxError(text string, err error) Error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return src.errorAt(span{}, err.Error(), "")
	}
	at := span{parse.Position.Start, parse.Position.Start + max(1, parse.Position.Len)}
	at.start = max(0, min(at.start, len(text)))
	if strings.Count(text[:at.start], "\n")+1 != parse.Position.Line {
		at = wholeLine(text, parse.Position.Line)
	}
	// The offset can fall inside a character.
	for at.start > 0 && at.start < len(text) && !utf8.RuneStart(text[at.start]) {
		at.start--
	}
	return src.errorAt(at, lowerFirst(parse.Message), syntaxHint(parse.Message))
}

// wholeLine is the span of a line, from 1, without its indentation.
func wholeLine(text string, line int) span {
	start := 0
	for range line - 1 {
		i := strings.IndexByte(text[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	end := len(text)
	if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
		end = start + i
	}
	indent := len(text[start:end]) - len(strings.TrimLeft(text[start:end], " \t"))
	return span{start + indent, end}
}

func lowerFirst(s string) string {
	if strings.HasPrefix(s, "Key ") {
		return "key " + s[len("Key "):]
	}
	return s
}

func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "escape"), strings.Contains(message, "hexadecimal digits"):
		return `a backslash begins an escape in "…"; write a Windows path in single quotes, 'C:\data', or with /`
	case strings.Contains(message, "already been defined"):
		return "keep one of the two"
	case strings.Contains(message, "cannot contain newlines"):
		return `close the string on its own line, or use """…""" for more lines`
	case strings.Contains(message, "expected value but found"), strings.Contains(message, "must start with a"):
		return `text stands in quotes: key = "text"`
	case strings.Contains(message, "expected '.' or '='"):
		return "a setting is written key = value"
	}
	return ""
}

// errorAt makes an Error that points at a span of the source.
func (src *source) errorAt(at span, message, hint string) Error {
	start := max(0, min(at.start+src.shift, len(src.text)))
	end := max(start, min(at.end+src.shift, len(src.text)))
	e := Error{File: src.file, Message: message, Hint: hint}
	lineStart, line := 0, src.text
	if src.override > 0 {
		e.Line = src.override
	} else {
		lineStart = strings.LastIndexByte(src.text[:start], '\n') + 1
		line = src.text[lineStart:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		e.Line = strings.Count(src.text[:start], "\n") + 1
	}
	e.Source = strings.TrimSuffix(line, "\r")
	end = min(end, lineStart+len(e.Source))
	e.Column = utf8.RuneCountInString(src.text[lineStart:start]) + 1
	e.Width = max(1, utf8.RuneCountInString(src.text[start:max(start, end)]))
	return e
}

// errorf makes an Error that points at the node's value.
func (n *node) errorf(hint, format string, args ...any) Error {
	return n.src.errorAt(n.at, fmt.Sprintf(format, args...), hint)
}

// keyErrorf makes an Error that points at the node's key.
func (n *node) keyErrorf(hint, format string, args ...any) Error {
	return n.src.errorAt(n.key, fmt.Sprintf(format, args...), hint)
}

// text is the value as it is written.
func (n *node) text() string {
	start := max(0, min(n.at.start+n.src.shift, len(n.src.text)))
	end := max(start, min(n.at.end+n.src.shift, len(n.src.text)))
	return n.src.text[start:end]
}

// found describes the value for "…, found X".
func (n *node) found() string {
	switch v := n.value.(type) {
	case string:
		if runes := []rune(v); len(runes) > 40 {
			v = string(runes[:40]) + "…"
		}
		return fmt.Sprintf("the string %q", v)
	case int64, float64, bool:
		return n.text()
	case nil:
		if n.table != nil {
			return "a table"
		}
		if len(n.list) == 0 {
			return "an empty list"
		}
		return "a list"
	}
	return "a date or time"
}

// place names where a node stands, for messages about another place.
func (n *node) place() string {
	e := n.src.errorAt(n.key, "", "")
	if e.File == commandLine {
		return "in " + e.Source
	}
	return fmt.Sprintf("on line %d", e.Line)
}
