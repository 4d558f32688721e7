package loraedge

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/loraedge/loraedge/"

// allowed says which packages of the project a folder may import, besides
// itself: data flows one way, cmd → core → backends (the interface) and formats.
var allowed = []struct {
	folder string
	may    []string
}{
	{"formats/", []string{"formats/"}},
	{"core/program", []string{"formats/dtype"}},
	{"core/graph", nil},
	{"core/conversation", nil},
	{"core/lower", []string{"core/graph", "core/program", "formats/dtype"}},
	{"core/", []string{"core/", "formats/", "backends"}},
	{"backends/", []string{"backends", "backends/", "core/program", "formats/dtype", "shaders"}},
	{"backends", []string{"core/program", "formats/dtype"}},
	{"plugins/", []string{"plugins/", "core/graph", "core/conversation"}},
	{"demo", nil},
	{"tools/", []string{"tools/", "formats/", "core/", "plugins/"}},
	{"cmd/", []string{"core/", "backends", "backends/", "plugins/", "formats/", "demo"}},
}

// TestImportsPointOneWay fails when a package imports what lies above it.
func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, ok := strings.CutPrefix(fields[0], module)
		if !ok {
			continue
		}
		for _, imported := range fields[1:] {
			other, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			checked++
			if !mayImport(pkg, other) {
				t.Errorf("%s imports %s, which points the wrong way", pkg, other)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d imports were seen: does go list still print what this test reads?", checked)
	}
}

func mayImport(pkg, other string) bool {
	for _, rule := range allowed {
		if !matches(rule.folder, pkg) {
			continue
		}
		for _, m := range rule.may {
			if matches(m, other) {
				return true
			}
		}
		return false
	}
	return false
}

// matches says whether pkg is pattern, or lies in it where it ends in "/".
func matches(pattern, pkg string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(pkg, pattern)
	}
	return pkg == pattern
}
