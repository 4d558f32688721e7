package report

import (
	"os"

	"github.com/mattn/go-isatty"
)

// Colour says whether to write colours to f: on a terminal, unless NO_COLOR is set.
func Colour(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && isatty.IsTerminal(f.Fd())
}
