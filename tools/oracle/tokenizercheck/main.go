// Command tokenizercheck compares the tokenizers of this program with what the
// libraries made of the same texts (tools/oracle/tokenizer_cases.py).
//
//	go run ./tools/oracle/tokenizercheck OUT/*.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// header is the first line of a file: the tokenizer, and how long the library took for the
// last Timed texts: in processor time of one thread, and, unless Batch is 0, in wall time on all processors.
type header struct {
	Path           string
	Timed          int
	Seconds, Batch float64
}

// expected is another line: a text and what the library makes of it. A token is an
// id, or an id and the bytes from and to. What is null is not promised.
type expected struct {
	Text             string
	Tokens, Special  [][]int
	Decoded, Skipped *string
	Error            string
}

// withoutOffsets promises the ids only.
func (e expected) withoutOffsets() expected {
	ids := func(tokens [][]int) [][]int {
		out := slices.Clone(tokens)
		for i, t := range tokens {
			out[i] = t[:1]
		}
		return out
	}
	e.Tokens, e.Special = ids(e.Tokens), ids(e.Special)
	return e
}

func main() {
	total := 0
	for _, path := range os.Args[1:] {
		different, err := check(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err)
			different++
		}
		total += different
	}
	if total > 0 {
		os.Exit(1)
	}
}

func check(path string) (different int, err error) {
	h, cases, err := read(path)
	if err != nil {
		return 0, err
	}
	tok, err := load(h.Path)
	if err != nil {
		return 0, err
	}
	moved := 0
	for _, e := range cases {
		what := compare(tok, e)
		if what == "" {
			continue
		}
		if compare(tok, e.withoutOffsets()) == "" {
			moved++
		} else {
			different++
		}
		if different+moved <= 5 {
			fmt.Printf("%.300q:\n%s\n", e.Text, what)
		}
	}
	fmt.Printf("%s: %d of %d texts differ, %d more in offsets only%s\n", filepath.Base(path), different, len(cases), moved, speed(tok, h, cases)+batchSpeed(tok, h, cases))
	return different, nil
}

func read(path string) (h header, cases []expected, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, nil, err
	}
	defer f.Close()
	lines := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	if err := lines.Decode(&h); err != nil {
		return h, nil, err
	}
	for {
		var e expected
		if err := lines.Decode(&e); err == io.EOF {
			return h, cases, nil
		} else if err != nil {
			return h, nil, err
		}
		cases = append(cases, e)
	}
}

// speed compares the processor time of one thread, the best of three rounds.
func speed(tok *tokenizer.Tokenizer, h header, cases []expected) string {
	if h.Timed == 0 || h.Timed > len(cases) {
		return ""
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	best, size := time.Duration(math.MaxInt64), 0
	for range 3 {
		start := cpuTime()
		size = 0
		for _, e := range cases[len(cases)-h.Timed:] {
			size += len(e.Text)
			if _, err := tok.Encode(e.Text); err != nil {
				return ", " + err.Error()
			}
		}
		best = min(best, cpuTime()-start)
	}
	mega := float64(size) / 1e6
	return fmt.Sprintf(", %.1f MB/s, the library %.1f: %.1f times as fast", mega/best.Seconds(), mega/h.Seconds, h.Seconds/best.Seconds())
}

// batchSpeed compares the wall time on all processors, the best of three rounds.
func batchSpeed(tok *tokenizer.Tokenizer, h header, cases []expected) string {
	if h.Batch == 0 || h.Timed > len(cases) {
		return ""
	}
	texts := cases[len(cases)-h.Timed:]
	best := time.Duration(math.MaxInt64)
	for range 3 {
		start := time.Now()
		var next atomic.Int64
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(texts)); i = next.Add(1) - 1 {
					tok.Encode(texts[i].Text) // what fails is told before
				}
			})
		}
		wg.Wait()
		best = min(best, time.Since(start))
	}
	return fmt.Sprintf("; on %d threads %.1f times", runtime.GOMAXPROCS(0), h.Batch/best.Seconds())
}

// load reads a tokenizer without the files around it, as the libraries do, or a folder as
// Transformers does.
func load(path string) (*tokenizer.Tokenizer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if path, err = (&huggingface.Folder{Dir: path}).TokenizerPath(); err != nil {
			return nil, err
		}
		return tokenizer.Load(path)
	}
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, err
	case tokenizer.IsTiktoken(data):
		return tokenizer.Load(path)
	case strings.HasSuffix(path, ".model"):
		return tokenizer.ParseSentencePiece(data)
	case strings.HasPrefix(filepath.Base(path), "tekken"):
		return tokenizer.ParseTekken(data)
	}
	return tokenizer.Parse(data)
}

// compare says what differs.
func compare(tok *tokenizer.Tokenizer, e expected) string {
	got, err := tok.Encode(e.Text)
	if (err != nil) != (e.Error != "") {
		return fmt.Sprintf("got the error %v, want %q", err, e.Error)
	}
	if what := difference(got, e.Tokens); what != "" {
		return what
	}
	special, err := tok.EncodeSpecial(e.Text)
	if err != nil {
		return ""
	}
	if e.Special == nil {
		special = got
	} else if what := difference(special, e.Special); what != "" {
		return "with special tokens: " + what
	}
	ids := make([]int32, len(special))
	for i, t := range special {
		ids[i] = t.ID
	}
	for _, d := range []struct {
		want *string
		skip bool
	}{{e.Decoded, false}, {e.Skipped, true}} {
		if d.want == nil {
			continue
		}
		if text := tok.Decode(ids, d.skip); text != *d.want {
			return fmt.Sprintf("decoded (without special tokens: %t)\n  got %.300q\n want %.300q", d.skip, text, *d.want)
		}
	}
	return ""
}

// difference shows the tokens around the first one that differs.
func difference(got []tokenizer.Token, want [][]int) string {
	n := min(len(got), len(want))
	at := 0
	for at < n && same(got[at], want[at]) {
		at++
	}
	if at == len(got) && at == len(want) {
		return ""
	}
	from := max(0, at-2)
	return fmt.Sprintf("token %d of %d and %d:\n  got %v\n want %v", at, len(got), len(want),
		got[from:min(len(got), at+6)], want[from:min(len(want), at+6)])
}

func same(t tokenizer.Token, want []int) bool {
	all := []int{int(t.ID), t.Start, t.End}
	return slices.Equal(all[:len(want)], want)
}
