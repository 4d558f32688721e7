package host

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// tail keeps the last lines that a plugin printed, for errors.
type tail struct {
	mu      sync.Mutex
	lines   []string
	cause   string // the line in which Go says why a program died
	streams []*stream
}

// stream is one of several outputs that a tail collects, by lines.
type stream struct {
	tail    *tail
	partial []byte
}

func (t *tail) stream() *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &stream{tail: t}
	t.streams = append(t.streams, s)
	return s
}

const (
	tailLines = 12
	tailWidth = 300
)

// handshakeLine is go-plugin's own line, which tells a user nothing.
var handshakeLine = regexp.MustCompile(`^\d+\|\d+\|(unix|tcp)\|`)

// Write takes output in pieces of any size.
func (s *stream) Write(p []byte) (int, error) {
	s.tail.mu.Lock()
	defer s.tail.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		if room := tailWidth - len(s.partial); room > 0 {
			s.partial = append(s.partial, line[:min(room, len(line))]...)
		}
		if whole {
			s.flush()
		}
		rest = more
	}
	return len(p), nil
}

func (s *stream) flush() {
	s.tail.add(string(s.partial))
	s.partial = s.partial[:0]
}

func (t *tail) add(line string) {
	line = plain(line)
	if line == "" || handshakeLine.MatchString(line) {
		return
	}
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		t.cause = line
	}
	t.lines = append(t.lines, line)
	if n := len(t.lines) - tailLines; n > 0 {
		t.lines = append(t.lines[:0], t.lines[n:]...)
	}
}

// last is the last lines, the cause of death first.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.streams {
		s.flush()
	}
	lines := append([]string(nil), t.lines...)
	for _, line := range lines {
		if line == t.cause {
			return lines
		}
	}
	if t.cause != "" {
		lines = append([]string{t.cause, "…"}, lines...)
	}
	return lines
}

// plain drops what a terminal would obey.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "\ufffd")))
}
