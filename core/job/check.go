package job

import (
	"fmt"
	"io"
	"strings"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Check prints what a run would do: the data as the model sees it, the counts
// and the memory plan.
func (j *Job) Check(w io.Writer, records int, colour bool) error {
	options, err := j.options()
	if err != nil {
		return UsageError{err}
	}
	lowered, err := lower.Lower(j.Base.Graph, options)
	if err != nil {
		return UsageError{err}
	}
	fmt.Fprintf(w, "base model  %s, %s, %s parameters\n", j.Config.BaseModel.Text, j.Base.Graph.Architecture, millions(j.parameters()))
	fmt.Fprintf(w, "precision   %s\n", describePrecision(lowered, options.Compute))
	for _, note := range j.Text.Tokenizer.Notes() {
		fmt.Fprintf(w, "tokenizer   %s\n", note)
	}
	fmt.Fprintf(w, "template    %s\n", j.Text.About)
	fmt.Fprintf(w, "data        %s\n", DescribeCounts(j.Counts, len(j.Held)))
	n := j.Counts
	for i, s := range n.Sources {
		fmt.Fprintf(w, "            %s\n", describeSource(j.sources[i], s))
	}
	fmt.Fprintf(w, "            lengths: mean %.0f, median %d, 95 %% up to %d, longest record %d tokens, sequence_len %d\n", n.Mean, n.Median, n.P95, n.Longest, j.Config.Data.SequenceLen)
	if j.Cached {
		fmt.Fprintf(w, "            tokenised before: %s\n", j.Store.Path())
	}
	if err := j.describeSteps(w); err != nil {
		return err
	}
	j.describeMemory(w, lowered, options)
	for _, text := range j.warnings() {
		fmt.Fprintf(w, "warning     %s\n", text)
	}
	for i := range min(records, j.Store.Count()) {
		e, err := j.Store.Example(i)
		if err != nil {
			return err
		}
		kind := ""
		if e.Kind != data.Plain {
			kind = " (" + e.Kind.String() + ")"
		}
		fmt.Fprintf(w, "\nexample %d%s, %d tokens, %d trained (%s):\n%s\n", i+1, kind, len(e.IDs), e.Trained(), markLegend(colour), j.mark(e, colour))
	}
	return nil
}

// describePrecision lists how much of the frozen weights is held in which type.
func describePrecision(m *lower.Model, compute dtype.DType) string {
	held := map[dtype.DType]int64{}
	for _, id := range m.Weights {
		b := m.Program.Buffers[id]
		if c := m.Program.Blocks[b.Place.Block].Class; c == program.Weights || c == program.Host {
			held[b.DType] += int64(b.Rows) * int64(b.Cols)
		}
	}
	var parts []string
	for _, d := range []dtype.DType{dtype.NF4Double, dtype.NF4, dtype.F16, dtype.BF16, dtype.F32} {
		if held[d] > 0 {
			parts = append(parts, fmt.Sprintf("%s of frozen weights in %s", millions(held[d]), d))
		}
	}
	if compute == dtype.Invalid {
		compute = dtype.F32
	}
	return strings.Join(append(parts, fmt.Sprintf("products in %s", compute)), ", ")
}

func (j *Job) describeSteps(w io.Writer) error {
	batches := j.Plan.Epoch(0)
	tokens, rows := 0, 0
	for _, b := range batches {
		total := 0
		for _, i := range b {
			total += j.Store.Len(i)
		}
		tokens += total
		rows += data.Bucket(j.Plan.Buckets, total)
	}
	t := j.Config.Train
	_, err := fmt.Fprintf(w, "steps       %d, of %d micro batches of up to %d tokens; %.1f %% of rows are real tokens\n",
		j.Steps, t.GradientAccumulationSteps, j.Plan.Capacity, 100*float64(tokens)/float64(rows))
	return err
}

func (j *Job) parameters() int64 {
	var n int64
	for _, p := range j.Base.Graph.Params {
		size := int64(1)
		for _, d := range p.Shape {
			size *= int64(d)
		}
		n += size
	}
	return n
}

func millions(n int64) string { return fmt.Sprintf("%.2f million", float64(n)/1e6) }

func markLegend(colour bool) string {
	if colour {
		return "masked tokens are grey"
	}
	return "trained tokens are between [[ and ]]"
}

// mark writes an example's text with its trained part marked.
func (j *Job) mark(e data.Example, colour bool) string {
	const grey, reset = "\x1b[90m", "\x1b[0m"
	var b strings.Builder
	for from := 0; from < len(e.IDs); {
		trained := from > 0 && e.Weights[from] != 0
		to := from + 1
		for to < len(e.IDs) && (e.Weights[to] != 0) == trained {
			to++
		}
		text := j.Text.Tokenizer.Decode(e.IDs[from:to], false)
		switch {
		case colour && !trained:
			text = grey + text + reset
		case !colour && trained:
			text = "[[" + text + "]]"
		}
		b.WriteString(text)
		from = to
	}
	return b.String()
}
