package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// golden is testdata/goldens.json, which make_goldens.py renders with Jinja
// itself.
type golden struct {
	Vars  json.RawMessage
	Cases []struct {
		Name, Template, Text, Error string
		Spans                       [][2]int
	}
}

func readGolden(t testing.TB) (golden, map[string]any) {
	t.Helper()
	data, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseJSON(string(g.Vars))
	if err != nil {
		t.Fatal(err)
	}
	d := parsed.(*Dict)
	vars := map[string]any{}
	for _, k := range d.keys {
		vars[k.(string)] = d.values[k]
	}
	return g, vars
}

func render(src string, vars map[string]any) (string, []Span, error) {
	t, err := Parse("test", src)
	if err != nil {
		return "", nil, err
	}
	return t.Execute(vars)
}

func TestRendersLikeJinja(t *testing.T) {
	g, vars := readGolden(t)
	for _, c := range g.Cases {
		text, spans, err := render(c.Template, vars)
		if c.Error != "" {
			if err == nil {
				t.Errorf("%s: rendered %q, Jinja says %s", c.Name, text, c.Error)
			}
			continue
		}
		if err != nil || text != c.Text {
			t.Errorf("%s:\n got %q, %v\nwant %q", c.Name, text, err, c.Text)
			continue
		}
		var got [][2]int
		for _, s := range spans {
			got = append(got, [2]int{s.Start, s.End})
		}
		if !slices.Equal(got, c.Spans) {
			t.Errorf("%s: spans %v, want %v", c.Name, got, c.Spans)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"a\n\n{{ raise_exception('roles must alternate') }}", "test:3: roles must alternate"},
		{"a\n{% if x %}\n{{ y.z }}{% endif %}", "test:3: 'y' is undefined"},
		{"{% for m in 3 %}{% endfor %}", "test:1: an integer cannot be iterated over"},
		{"\n{% frobnicate %}", "test:2: unknown tag `frobnicate`"},
		{"{{ a | nope }}", "test:1: unknown filter `nope`"},
		{"{% if a %}\nb", "test:2: the template ends where `{% endif %}` is missing"},
		{"{{ 'abc }}", "test:1: a string is not closed, want `'`"},
		{"{% for x in y recursive %}{% endfor %}", "test:1: recursive loops are not supported"},
	} {
		_, _, err := render(c.src, map[string]any{"x": true})
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %s", c.src, err, c.want)
		}
	}
	_, _, err := render("{{ raise_exception('no') }}", nil)
	var raised Raised
	if !errors.As(err, &raised) || raised != "no" {
		t.Errorf("error %v does not tell what the template raised", err)
	}
}

func TestRenderingEnds(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"loops":      {strings.Repeat("{% for a in range(99999) %}", 4) + strings.Repeat("{% endfor %}", 4), "too many steps"},
		"doubling":   {"{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "MiB"},
		"repeat":     {"{{ 'abc' * 999999999 }}", "MiB"},
		"width":      {"{{ 'abc'.ljust(9999999999) }}", "MiB"},
		"recursion":  {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested too deeply"},
		"long range": {"{{ range(999999999999) }}", "longer than"},
		"deep value": {"{% set ns = namespace(v=[]) %}{% for i in range(9999) %}{% set ns.v = [ns.v] %}{% endfor %}{{ ns.v }}", "nested too deeply"},
		"deep tree":  {"{{ " + strings.Repeat("(", 9999) + "1" + strings.Repeat(")", 9999) + " }}", "nested too deeply"},
		"deep not":   {"{{ " + strings.Repeat("not ", 9999) + "1 }}", "nested too deeply"},
	} {
		_, _, err := render(c.src, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestStrftimeNow(t *testing.T) {
	tmpl, err := Parse("test", "{{ strftime_now('%d %b %Y %-d %H:%M:%S %p %% %j %A') }}")
	if err != nil {
		t.Fatal(err)
	}
	tmpl.Now = func() time.Time { return time.Date(2024, 7, 6, 15, 4, 5, 0, time.UTC) }
	got, _, err := tmpl.Execute(nil)
	if want := "06 Jul 2024 6 15:04:05 PM % 188 Saturday"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func FuzzParseAndExecute(f *testing.F) {
	g, vars := readGolden(f)
	for _, c := range g.Cases {
		f.Add(c.Template)
	}
	f.Fuzz(func(t *testing.T, src string) {
		text, spans, err := render(src, vars)
		if err != nil {
			return
		}
		for _, s := range spans {
			if s.Start < 0 || s.Start > s.End || s.End > len(text) {
				t.Errorf("span %v of %d bytes", s, len(text))
			}
		}
	})
}
