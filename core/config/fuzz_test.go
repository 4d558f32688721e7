package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// FuzzParse holds every error to a place inside what the user gave.
func FuzzParse(f *testing.F) {
	ten, err := os.ReadFile("testdata/ten_mistakes.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(ten), "train.max_steps=3")
	f.Add(minimal, "datasets.0.limit=3")
	f.Add(minimal, "datasets=[{path='a',type=3}]")
	f.Add("\ufeffbase_model = \"\"\"\r\n\\\"a\"\"\"\"\"\r\n[[datasets]]\r\n[datasets.path]", `seed="x`)
	f.Fuzz(func(t *testing.T, text, set string) {
		c, err := Parse("lora.toml", []byte(text), []string{set})
		if err == nil {
			if _, err := c.Resolved(); err != nil {
				t.Fatal(err)
			}
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("Parse gives %T: %v", err, err)
		}
		lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		for _, e := range errs {
			source := "--set " + set
			if e.File == "lora.toml" {
				if e.Line < 1 || e.Line > len(lines) {
					t.Fatalf("line %d of %d: %s", e.Line, len(lines), e.Message)
				}
				source = lines[e.Line-1]
			}
			length := utf8.RuneCountInString(e.Source)
			if e.Source != strings.TrimSuffix(source, "\r") || e.Column < 1 || e.Column > length+2 || e.Width < 1 || e.Column+e.Width > length+3 {
				t.Fatalf("column %d, width %d of %q: %s", e.Column, e.Width, e.Source, e.Message)
			}
			if e.Message == "" || e.Error() == "" {
				t.Fatal("an error without a message")
			}
		}
	})
}

// FuzzScan checks the scanner against the TOML library: the text under the
// mark of a value must read as that value, and under the mark of a key as that key.
func FuzzScan(f *testing.F) {
	f.Add(minimal)
	f.Add("a.\"b.c\" . 'd' = [1, [2.5, \"x]\"], # ]\n {y = '''z''''', w.v = 1979-05-27 07:32:00}]\n[a.q]\n[[t]]\nk=1\n[[t]]\n[t.u]\nv=\"\"\"\\\"\"\"\"\"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		marks, tooDeep := scan(text)
		if tooDeep >= 0 || len(text) > 4096 {
			return
		}
		var values map[string]any
		if _, err := toml.Decode(text, &values); err != nil {
			return
		}
		// The library loses items of arrays under a key without a name.
		if hasEmptyKey(values) {
			return
		}
		compareMarks(t, text, marks, values)
	})
}

func compareMarks(t *testing.T, text string, m *mark, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			entry := m.entries[name]
			if entry == nil {
				t.Fatalf("no mark for key %q in %q", name, text)
			}
			var key map[string]any
			written := text[entry.key.start:entry.key.end]
			if _, err := toml.Decode(written+"=1", &key); err != nil || key[name] != int64(1) {
				t.Fatalf("the mark of key %q holds %q in %q", name, written, text)
			}
			compareMarks(t, text, entry, value)
		}
	case []map[string]any:
		for i := range v {
			compareMarks(t, text, m.items[i], v[i])
		}
	case []any:
		if len(v) != len(m.items) {
			t.Fatalf("%d marks for %d items in %q", len(m.items), len(v), text)
		}
		for i := range v {
			compareMarks(t, text, m.items[i], v[i])
		}
	default:
		var again map[string]any
		written := text[m.value.start:m.value.end]
		if _, err := toml.Decode("v="+written, &again); err != nil || !same(again["v"], v) {
			t.Fatalf("the mark of %v holds %q in %q", v, written, text)
		}
	}
}

func hasEmptyKey(values map[string]any) bool {
	for name, v := range values {
		table, _ := v.(map[string]any)
		if name == "" || hasEmptyKey(table) {
			return true
		}
	}
	return false
}

func same(a, b any) bool {
	if t, ok := a.(time.Time); ok {
		u, ok := b.(time.Time)
		return ok && t.Equal(u)
	}
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == "NaN" && fmt.Sprint(b) == "NaN"
}
