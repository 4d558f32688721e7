package report

import (
	"strings"
	"testing"
	"time"
)

// A line that changes in place never wraps, or each change would leave one behind; it clears what stood longer.
func TestProgressFitsTheTerminal(t *testing.T) {
	var out strings.Builder
	p := &Progress{w: &out, terminal: true, columns: func() int { return 10 }}
	for _, line := range []string{"123456789", "1234567890", "short"} {
		p.last = time.Time{}
		p.Show(line, false)
	}
	if want := "\r123456789" + "\r12345678…" + "\rshort    "; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
	for columns, want := range map[int]string{0: "step 1", 1: "step 1", 2: "…", 6: "step…", 7: "step 1"} {
		if got := fitting("step 1", columns); got != want {
			t.Errorf("in %d columns %q, want %q", columns, got, want)
		}
	}
}
