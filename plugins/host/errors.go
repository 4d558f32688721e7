package host

import (
	"fmt"
	"strings"
)

// Error is a plugin that did not do its part.
type Error struct {
	Name, Path string
	// Doing is what was asked of the plugin: "starting it".
	Doing string
	// Problem is what was found, and what was wanted where that helps.
	Problem string
	// Advice is what to do.
	Advice string
	// Output are the last lines that the plugin printed.
	Output []string
}

func (e *Error) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "plugin %s (%s): %s: %s", e.Name, e.Path, e.Doing, e.Problem)
	if e.Advice != "" {
		fmt.Fprintf(&s, "\n%s", e.Advice)
	}
	if len(e.Output) > 0 {
		s.WriteString("\nlast lines that it printed:")
		for _, line := range e.Output {
			s.WriteString("\n  " + line)
		}
	}
	return s.String()
}

// Advice for the kinds of failure.
const (
	adviceAuthor  = "this is a mistake of the plugin: tell its author, with this message"
	adviceVersion = "get a version of the plugin made for this version of loraedge"
	adviceNewer   = "get a newer loraedge, or an older version of the plugin"
	adviceBuiltin = "this is a mistake of loraedge: please report it, with this message"
)

// wrong is an error of the plugin's own making.
func (p *process) wrong(doing, format string, args ...any) *Error {
	e := &Error{Name: p.name, Path: p.path, Doing: doing, Problem: fmt.Sprintf(format, args...), Advice: adviceAuthor}
	if p.name == builtinName {
		e.Advice = adviceBuiltin
	}
	return e
}

// said is a plugin's own text, bounded and harmless to a terminal, as an error
// may show it.
func said(text string) string {
	const most = 4000
	var lines []string
	for _, line := range strings.Split(text[:min(len(text), most)], "\n") {
		if line = plain(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(text) > most {
		lines = append(lines, "…")
	}
	return strings.Join(lines, "\n")
}
