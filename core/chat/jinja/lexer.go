package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEOF      tokenKind = iota
	tokenData               // text outside of tags
	tokenVarStart           // {{
	tokenVarEnd
	tokenTagStart // {%
	tokenTagEnd
	tokenName
	tokenString
	tokenInt
	tokenFloat
	tokenOp
)

type token struct {
	kind tokenKind
	text string // of a string: decoded
	line int
}

func (t token) String() string {
	switch t.kind {
	case tokenEOF:
		return "the end of the template"
	case tokenVarEnd, tokenTagEnd, tokenVarStart, tokenTagStart, tokenOp:
		return "`" + t.text + "`"
	case tokenString:
		return fmt.Sprintf("the string %q", t.text)
	}
	return "`" + t.text + "`"
}

type lexer struct {
	src    string
	pos    int
	line   int
	tokens []token
	// lineStart: the last tag ended with a line break, so that what follows
	// begins a line for lstrip_blocks.
	lineStart bool
}

// lex cuts a template into tokens, with trim_blocks and lstrip_blocks on.
func lex(src string) ([]token, error) {
	src = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src)
	src = strings.TrimSuffix(src, "\n") // keep_trailing_newline is off
	l := &lexer{src: src, line: 1, lineStart: true}
	for l.pos < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.emit(tokenEOF, "")
	return l.tokens, nil
}

func (l *lexer) fail(format string, args ...any) error {
	return &Error{Line: l.line, Err: fmt.Errorf(format, args...)}
}

func (l *lexer) emit(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind, text, l.line})
}

// advance moves on by n bytes and counts lines.
func (l *lexer) advance(n int) {
	l.line += strings.Count(l.src[l.pos:l.pos+n], "\n")
	l.pos += n
}

// next reads the text up to the next tag, and the tag.
func (l *lexer) next() error {
	rest := l.src[l.pos:]
	at := firstTag(rest)
	if at < 0 {
		l.data(rest)
		l.advance(len(rest))
		return nil
	}
	text := rest[:at]
	kind := rest[at+1]
	sign := byte(0)
	if at+2 < len(rest) && (rest[at+2] == '-' || rest[at+2] == '+') {
		sign = rest[at+2]
	}
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign != '+' && kind != '{':
		start := strings.LastIndexByte(text, '\n') + 1
		if (start > 0 || l.lineStart) && strings.TrimFunc(text[start:], isSpace) == "" {
			text = text[:start]
		}
	}
	l.data(text)
	open := at + 2
	if sign != 0 {
		open++
	}
	l.advance(open)
	switch kind {
	case '#':
		return l.comment()
	case '{':
		l.emit(tokenVarStart, "{{")
		return l.expression(tokenVarEnd, "}}")
	}
	if n := rawStart(l.src[l.pos:]); n > 0 {
		return l.raw(n)
	}
	l.emit(tokenTagStart, "{%")
	return l.expression(tokenTagEnd, "%}")
}

func firstTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

func (l *lexer) data(text string) {
	if text != "" {
		l.emit(tokenData, text)
	}
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// closing returns the length of a closing delimiter at the start of s, with
// the space that it takes along, or 0.
func closing(s, delimiter string) int {
	n := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		n = 1
	}
	if !strings.HasPrefix(s[n:], delimiter) || n == 1 && s[0] == '+' && delimiter == "}}" {
		return 0
	}
	end := n + len(delimiter)
	switch {
	case n == 1 && s[0] == '-':
		return len(s) - len(strings.TrimLeftFunc(s[end:], isSpace))
	case n == 0 && delimiter != "}}" && strings.HasPrefix(s[end:], "\n"):
		return end + 1
	}
	return end
}

func (l *lexer) close(n int) {
	l.lineStart = l.src[l.pos+n-1] == '\n'
	l.advance(n)
}

func (l *lexer) comment() error {
	for i := l.pos; i < len(l.src); i++ {
		if n := closing(l.src[i:], "#}"); n > 0 {
			l.advance(i - l.pos)
			l.close(n)
			return nil
		}
	}
	return l.fail("a comment is not closed, want `#}`")
}

// rawStart returns the length of ` raw %}` at the start of s, or 0.
func rawStart(s string) int {
	return keywordTag(s, "raw")
}

func keywordTag(s, word string) int {
	body := strings.TrimLeftFunc(s, isSpace)
	if !strings.HasPrefix(body, word) {
		return 0
	}
	tail := strings.TrimLeftFunc(body[len(word):], isSpace)
	if n := closing(tail, "%}"); n > 0 {
		return len(s) - len(tail) + n
	}
	return 0
}

// raw reads up to `{% endraw %}`; n is the length of the rest of the opening tag.
func (l *lexer) raw(n int) error {
	if tag := l.src[:l.pos+n]; strings.HasSuffix(tag, "%}\n") && !strings.HasSuffix(tag, "-%}\n") {
		n-- // trim_blocks does not reach into a raw block
	}
	l.advance(n)
	rest := l.src[l.pos:]
	for i := 0; i+1 < len(rest); i++ {
		if rest[i] != '{' || rest[i+1] != '%' {
			continue
		}
		text, tag := rest[:i], rest[i+2:]
		open := 2
		if tag != "" && (tag[0] == '-' || tag[0] == '+') {
			if tag[0] == '-' {
				text = strings.TrimRightFunc(text, isSpace)
			}
			open, tag = 3, tag[1:]
		} else if start := strings.LastIndexByte(text, '\n') + 1; start > 0 && strings.TrimFunc(text[start:], isSpace) == "" {
			text = text[:start]
		}
		if n := keywordTag(tag, "endraw"); n > 0 {
			l.data(text)
			l.advance(i + open)
			l.close(n)
			return nil
		}
	}
	return l.fail("a raw block is not closed, want `{%% endraw %%}`")
}

// operators, longest first.
var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=",
	"(", ")", "[", "]", "{", "}", ".", ",", ":", "|"}

// expression reads the inside of a tag up to its end.
func (l *lexer) expression(endKind tokenKind, delimiter string) error {
	var open []byte // brackets; within them the delimiter does not count
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		if len(open) == 0 {
			if n := closing(rest, delimiter); n > 0 {
				l.emit(endKind, delimiter)
				l.close(n)
				return nil
			}
		}
		c := rest[0]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(r):
			l.advance(size)
		case c == '"' || c == '\'':
			if err := l.str(c); err != nil {
				return err
			}
		case '0' <= c && c <= '9':
			l.number()
		case isNameRune(r, true):
			n := strings.IndexFunc(rest, func(r rune) bool { return !isNameRune(r, false) })
			if n < 0 {
				n = len(rest)
			}
			l.emit(tokenName, rest[:n])
			l.advance(n)
		default:
			op, err := l.operator(rest)
			if err != nil {
				return err
			}
			if open, err = l.balance(open, op); err != nil {
				return err
			}
			l.emit(tokenOp, op)
			l.advance(len(op))
		}
	}
	return l.fail("a tag is not closed, want `%s`", delimiter)
}

func isNameRune(r rune, first bool) bool {
	return r == '_' || unicode.IsLetter(r) || !first && (unicode.IsDigit(r) || unicode.IsMark(r))
}

func (l *lexer) operator(rest string) (string, error) {
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return op, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return "", l.fail("unexpected character %q", r)
}

func (l *lexer) balance(open []byte, op string) ([]byte, error) {
	switch op {
	case "(":
		return append(open, ')'), nil
	case "[":
		return append(open, ']'), nil
	case "{":
		return append(open, '}'), nil
	case ")", "]", "}":
		if len(open) == 0 {
			return nil, l.fail("unexpected `%s`", op)
		}
		if want := open[len(open)-1]; want != op[0] {
			return nil, l.fail("unexpected `%s`, want `%c`", op, want)
		}
		return open[:len(open)-1], nil
	}
	return open, nil
}

func (l *lexer) number() {
	rest := l.src[l.pos:]
	digits := func(i int) int {
		for i < len(rest) && ('0' <= rest[i] && rest[i] <= '9' || rest[i] == '_') {
			i++
		}
		return i
	}
	n, kind := digits(0), tokenInt
	// `a.0.1` is an element of an element, not of 0.1.
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if !afterDot && n+1 < len(rest) && rest[n] == '.' && '0' <= rest[n+1] && rest[n+1] <= '9' {
		n, kind = digits(n+1), tokenFloat
	}
	if !afterDot && n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		m := n + 1
		if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
			m++
		}
		if end := digits(m); end > m {
			n, kind = end, tokenFloat
		}
	}
	l.emit(kind, strings.ReplaceAll(rest[:n], "_", ""))
	l.advance(n)
}

func (l *lexer) str(quote byte) error {
	rest := l.src[l.pos:]
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case quote:
			s, err := unescape(rest[1:i])
			if err != nil {
				return l.fail("%w", err)
			}
			l.emit(tokenString, s)
			l.advance(i + 1)
			return nil
		}
	}
	return l.fail("a string is not closed, want `%c`", quote)
}

// unescape decodes the escapes of a Python string.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]; n > 0 {
			if i+n >= len(s) {
				return "", fmt.Errorf("the escape \\%s is cut off", s[i:])
			}
			code, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
			if err != nil || code > unicode.MaxRune {
				return "", fmt.Errorf("the escape \\%s is not a character", s[i:i+1+n])
			}
			b.WriteRune(rune(code))
			i += n
			continue
		}
		if '0' <= s[i] && s[i] <= '7' {
			end := i
			for end < len(s) && end < i+3 && '0' <= s[end] && s[end] <= '7' {
				end++
			}
			code, _ := strconv.ParseUint(s[i:end], 8, 16)
			b.WriteRune(rune(code))
			i = end - 1
			continue
		}
		if plain, ok := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v",
			'\\': "\\", '\'': "'", '"': "\"", '\n': ""}[s[i]]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteByte('\\')
		b.WriteByte(s[i])
	}
	return b.String(), nil
}
