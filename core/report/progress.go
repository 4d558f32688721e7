package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Progress writes one line that changes in place on a terminal, or a line now
// and then elsewhere.
type Progress struct {
	w        io.Writer
	terminal bool
	columns  func() int // of the terminal now, 0 if unknown
	shown    int        // columns of the line that stands
	last     time.Time
}

// NewProgress writes to f.
func NewProgress(f *os.File) *Progress {
	columns := func() int {
		n, _, _ := term.GetSize(int(f.Fd()))
		return n
	}
	return &Progress{w: f, terminal: isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()), columns: columns}
}

// Terminal says whether a person watches.
func (p *Progress) Terminal() bool { return p.terminal }

// quiet is the least time between two lines where no terminal is.
const quiet = 2 * time.Second

// Show replaces the line. Where there is no terminal, lines come seldom, but the one
// with final is always written.
func (p *Progress) Show(line string, final bool) {
	now := time.Now()
	if p.terminal {
		if !final && now.Sub(p.last) < 50*time.Millisecond {
			return
		}
		line = fitting(line, p.columns())
		fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", max(0, p.shown-len([]rune(line)))))
		p.shown = len([]rune(line))
		if final {
			p.End()
		}
	} else if final || now.Sub(p.last) >= quiet {
		fmt.Fprintln(p.w, line)
	} else {
		return
	}
	p.last = now
}

// fitting is a line's beginning that stands on one row: what wraps cannot be replaced. The last column stays free,
// where terminals go to the next row. No columns are as many as one likes.
func fitting(line string, columns int) string {
	all := []rune(line)
	if columns <= 1 || len(all) < columns {
		return line
	}
	return string(all[:columns-2]) + "…"
}

// End leaves the line as it stands and goes to the next.
func (p *Progress) End() {
	if p.terminal && p.shown > 0 {
		fmt.Fprintln(p.w)
		p.shown = 0
	}
}

// Print writes a line of its own, above the changing one.
func (p *Progress) Print(format string, args ...any) {
	p.End()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Bytes is a size for people.
func Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

// Duration is a time for people.
func Duration(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%.0fs", d.Seconds())
}
