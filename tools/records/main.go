// Records writes a large dataset of made-up conversations, for measuring how
// the data pipeline holds up:
//
//	go run ./tools/records -n 1000000 -out million.jsonl
//	loraedge check lora.toml --records 0
//
// The same number and seed give the same bytes.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

const words = `the a of and to in is was for on with as by at from it this that are be or an not have had were which one all you her his their
time year people way day man thing woman life child world school state family student group country problem hand part place case week company
system program question work government number night point home water room mother area money story fact month lot right study book eye job word
business issue side kind head house service friend father power hour game line end member law car city community name president team minute idea`

func main() {
	n := flag.Int("n", 1_000_000, "records")
	seed := flag.Uint64("seed", 1, "repeats the same records")
	out := flag.String("out", "records.jsonl", "file; .json for one array, .jsonl for a record a line")
	flag.Parse()
	if err := write(*out, *n, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "records:", err)
		os.Exit(1)
	}
}

func write(path string, n int, seed uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	begin, between, end := "", "\n", "\n"
	if strings.HasSuffix(path, ".json") {
		begin, between, end = "[\n", ",\n", "\n]\n"
	}
	vocabulary := strings.Fields(words)
	r := rand.New(rand.NewPCG(seed, 0))
	w.WriteString(begin)
	for i := range n {
		if i > 0 {
			w.WriteString(between)
		}
		fmt.Fprintf(w, `{"messages": [{"role": "user", "content": "%d: %s?"}, {"role": "assistant", "content": "%s."}]}`,
			i, sentence(r, vocabulary, 4+r.IntN(30)), sentence(r, vocabulary, 10+int(90*r.ExpFloat64())))
	}
	w.WriteString(end)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func sentence(r *rand.Rand, vocabulary []string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(vocabulary[r.IntN(len(vocabulary))])
	}
	return b.String()
}
