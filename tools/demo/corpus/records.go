package corpus

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// Record is one example in Alpaca format.
type Record struct {
	Instruction string `json:"instruction"`
	Input       string `json:"input"`
	Output      string `json:"output"`
}

const (
	trainRecords = 600
	// testPerGroup records of each table of facts are held out.
	testPerGroup = 2
)

// Records are the examples of the demo fine-tune. All ask for facts that the
// base model was taught to answer in a sentence; what is new is the form of
// the answer. A fact is in one of the two lists at most.
func Records(seed uint64) (train, test []Record) {
	g := &Generator{rng: rand.New(rand.NewPCG(seed, 1)), groups: world.Groups()}
	var rest []world.Fact
	for _, group := range g.groups {
		facts := some(g, len(group.Facts), group.Facts)
		for _, f := range facts[:testPerGroup] {
			test = append(test, g.record(f))
		}
		rest = append(rest, facts[testPerGroup:]...)
	}
	for _, f := range some(g, trainRecords, rest) {
		train = append(train, g.record(f))
	}
	return train, some(g, len(test), test)
}

func (g *Generator) record(f world.Fact) Record {
	return Record{
		Instruction: pick(g, f.Questions),
		Output:      fmt.Sprintf("answer: %s | topic: %s", f.Answer, f.Topic),
	}
}

// WriteRecords writes a JSON array with a record a line, so that a diff shows
// which record changed.
func WriteRecords(w io.Writer, list []Record) error {
	opening := "[\n"
	for _, r := range list {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", opening, line); err != nil {
			return err
		}
		opening = ",\n"
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
