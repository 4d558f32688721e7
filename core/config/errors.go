package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one mistake and its place.
type Error struct {
	File    string // as given, or "--set"
	Line    int    // from 1; for "--set" the place among the overrides
	Column  int    // from 1, in characters
	Width   int    // characters to underline, at least 1
	Source  string // the offending line, or "--set key=value"
	Message string // what was found and what was wanted
	Hint    string // the likely fix; may be empty
}

// commandLine is the File of an error in a --set override.
const commandLine = "--set"

// maxShown is how much of a long source line is shown, in characters.
const maxShown = 120

// Error gives the place and message on one line, then the source line with
// a caret, then the hint.
func (e Error) Error() string {
	var b strings.Builder
	gutter := ""
	if e.File == commandLine {
		fmt.Fprintf(&b, "%s: error: %s\n", e.File, printable(e.Message))
	} else {
		fmt.Fprintf(&b, "%s:%d:%d: error: %s\n", e.File, e.Line, e.Column, printable(e.Message))
		gutter = fmt.Sprint(e.Line)
	}
	shown, column := window([]rune(e.Source), e.Column)
	blank := strings.Repeat(" ", max(4, len(gutter)))
	fmt.Fprintf(&b, " %*s | %s\n", len(blank), gutter, printable(string(shown)))
	width := max(1, min(e.Width, len(shown)-column+1))
	fmt.Fprintf(&b, " %s | %s%s", blank, pad(shown[:min(column-1, len(shown))]), strings.Repeat("^", width))
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n %s = help: %s", blank, printable(e.Hint))
	}
	return b.String()
}

// window cuts a long line to the part around column and gives the column there.
func window(line []rune, column int) ([]rune, int) {
	if len(line) <= maxShown {
		return line, column
	}
	from := max(0, min(column-maxShown/2, len(line)-maxShown))
	return line[from : from+maxShown], column - from
}

// pad is white space as wide as text: tabs stay tabs.
func pad(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}

// printable keeps a file's control characters away from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsGraphic(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// Errors are all mistakes of one configuration: those of the file by place,
// then those of the overrides.
type Errors []Error

func (errs Errors) Error() string {
	var b strings.Builder
	for _, e := range errs {
		b.WriteString(e.Error())
		b.WriteString("\n\n")
	}
	if len(errs) == 1 {
		b.WriteString("1 error in the configuration")
	} else {
		fmt.Fprintf(&b, "%d errors in the configuration", len(errs))
	}
	return b.String()
}

func (errs Errors) sorted() Errors {
	slices.SortStableFunc(errs, func(a, b Error) int {
		onCommandLine := func(e Error) int {
			if e.File == commandLine {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(onCommandLine(a), onCommandLine(b)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return errs
}
