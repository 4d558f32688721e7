// Command templatecheck compares the renderings of this program's Jinja with
// Jinja's own in Transformers' sandbox (tools/oracle/templates.py).
//
//	go run ./tools/oracle/templatecheck FILE
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/loraedge/loraedge/core/chat/jinja"
)

// expected is a line of the file.
type expected struct {
	Name, Template, Vars, Text, Error string
	Spans                             [][2]int
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: templatecheck FILE")
		os.Exit(2)
	}
	different, cases, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Printf("%d cases, %d differences\n", cases, different)
	if different > 0 {
		os.Exit(1)
	}
}

func check(path string) (different, cases int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; cases++ {
		var e expected
		if err := d.Decode(&e); err == io.EOF {
			return different, cases, nil
		} else if err != nil {
			return different, cases, err
		}
		text, spans, err := render(e)
		switch {
		case e.Error != "" && err == nil:
			fmt.Printf("%s: rendered %q, Jinja says %s\n", e.Name, text, e.Error)
		case e.Error == "" && err != nil:
			fmt.Printf("%s: %v, Jinja renders %q\n", e.Name, err, e.Text)
		case e.Error == "" && (text != e.Text || fmt.Sprint(spans) != fmt.Sprint(e.Spans)):
			fmt.Printf("%s:\n got %q %v\nwant %q %v\n", e.Name, text, spans, e.Text, e.Spans)
		default:
			different--
		}
		different++
	}
}

func render(e expected) (string, [][2]int, error) {
	t, err := jinja.Parse("template", e.Template)
	if err != nil {
		return "", nil, err
	}
	t.Now = func() time.Time { return time.Date(2025, 7, 10, 12, 0, 0, 0, time.UTC) }
	parsed, err := jinja.ParseJSON(e.Vars)
	if err != nil {
		return "", nil, err
	}
	text, spans, err := t.Execute(parsed.(*jinja.Dict).Strings())
	var bounds [][2]int
	for _, s := range spans {
		bounds = append(bounds, [2]int{s.Start, s.End})
	}
	return text, bounds, err
}
