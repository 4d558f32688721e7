package job

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/loraedge/loraedge/core/bench"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/core/report"
)

// BenchOptions say how Bench measures.
type BenchOptions struct {
	// Steps is how often the step is run; the fastest counts.
	Steps int
}

// BenchResult is where the time of a training step goes.
type BenchResult struct {
	Device       string             `json:"device"`
	Precision    string             `json:"precision"`
	Rows         int                `json:"rows"` // of one micro batch, padding included
	Tokens       int                `json:"tokens"`
	KeptBlocks   int                `json:"kept_blocks"` // whose activations are not computed again
	PeakFlops    map[string]float64 `json:"peak_flops"`  // a second, by the type of the factors
	PeakBytes    float64            `json:"peak_bytes"`  // a second
	HostBytes    bench.HostSpeed    `json:"host_bytes"`  // a second; zeros where the device has no memory of its own
	Seconds      float64            `json:"seconds"`     // of a micro batch, forward and backward
	Update       float64            `json:"update_seconds"`
	TokensSecond float64            `json:"tokens_per_second"` // with one update each gradient_accumulation_steps
	OfPeak       float64            `json:"share_of_peak"`     // of all products, of the time of a micro batch
	PlannedBytes int64              `json:"planned_bytes"`
	PeakRSS      int64              `json:"peak_bytes_of_process"`
	Instructions []bench.Row        `json:"instructions"`
}

// Bench runs the step of the configuration's first micro batch and measures
// every instruction. It writes nothing and the base model is not changed.
func (j *Job) Bench(ctx context.Context, o BenchOptions) (*BenchResult, error) {
	options, err := j.options()
	if err != nil {
		return nil, UsageError{err}
	}
	peaks, err := bench.Measure(j.Device)
	if err != nil {
		return nil, err
	}
	session, err := j.start(ctx, options, func(line string) { j.Progress.Show(line, false) })
	j.Progress.End()
	if err != nil {
		return nil, UsageError{err}
	}
	defer session.Close()
	window, err := j.Plan.Window(j.Plan.Epoch(0)[:1])
	if err != nil {
		return nil, err
	}
	b := window[0]
	step, update, err := fastest(ctx, session, b, o.Steps)
	if err != nil {
		return nil, err
	}
	r := &BenchResult{
		Device: j.Device.Describe().Detail, Precision: describePrecision(session.Lowered, options.Compute), Rows: len(b.IDs), Tokens: b.Tokens,
		KeptBlocks: min(options.Keep, len(j.Base.Graph.Blocks)), PeakFlops: map[string]float64{}, PeakBytes: peaks.Bytes, HostBytes: peaks.Host, Seconds: step.Seconds(), Update: update.Seconds(),
		PlannedBytes: session.Allocated(), PeakRSS: report.PeakBytes(),
	}
	for d, flops := range peaks.Flops {
		r.PeakFlops[d.String()] = flops
	}
	accumulation := float64(j.Config.Train.GradientAccumulationSteps)
	r.TokensSecond = accumulation * float64(b.Tokens) / (accumulation*r.Seconds + r.Update)
	r.Instructions = bench.Profile(session.Lowered.Program, step.Entry, step.Times, pairs(b), peaks)
	r.OfPeak = productsAtPeak(session.Lowered, step, pairs(b), peaks) / r.Seconds
	return r, nil
}

// fastest is the step that took the least time of some, and an update.
func fastest(ctx context.Context, s *model.Session, b *data.Batch, steps int) (step, update model.Timed, err error) {
	sc := &program.Scalars{Training: true, Adapter: 1, InvN: float32(1 / b.SumWeights()), Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, MaxNorm: 1}
	for i := range steps {
		if ctx.Err() != nil {
			return step, update, ctx.Err()
		}
		t, err := s.TimeStep(b, sc)
		if err != nil {
			return step, update, err
		}
		if i == 0 || t.Seconds() < step.Seconds() {
			step = t
		}
		if update, err = s.TimeUpdate(sc); err != nil {
			return step, update, err
		}
	}
	return step, update, nil
}

// productsAtPeak is the time that the step's products would take at the peak.
func productsAtPeak(m *lower.Model, step model.Timed, pairs func(int) float64, peaks bench.Peaks) float64 {
	var seconds float64
	p := m.Program
	for _, call := range p.Entries[step.Entry].Calls {
		seg := &p.Segments[call.Segment]
		for i := range seg.Instrs {
			in := &seg.Instrs[i]
			if c := seg.Cost(in, pairs(in.Attr.Window)); c.Flops > 0 {
				seconds += peaks.Seconds(in, c)
			}
		}
	}
	return seconds
}

// pairs counts the (query, key) pairs of a batch under a window; 0 is none.
func pairs(b *data.Batch) func(window int) float64 {
	return func(window int) float64 {
		var n float64
		for row, first := range b.First {
			seen := row - int(first) + 1
			if window > 0 {
				seen = min(seen, window)
			}
			n += float64(seen)
		}
		return n
	}
}

// Print writes the result as a table.
func (r *BenchResult) Print(w io.Writer) error {
	fmt.Fprintf(w, "device      %s\n", r.Device)
	fmt.Fprintf(w, "precision   %s\n", r.Precision)
	fmt.Fprint(w, "peaks       ")
	for _, name := range []string{"F32", "BF16", "F16"} {
		if flops := r.PeakFlops[name]; flops > 0 {
			fmt.Fprintf(w, "%.0f GFLOP/s in %s, ", flops/1e9, name)
		}
	}
	fmt.Fprintf(w, "%.1f GB/s copied\n", r.PeakBytes/1e9)
	if h := r.HostBytes; h.Load > 0 {
		fmt.Fprintf(w, "host        %.1f GB/s loaded to the device, %.1f written through staging, %.1f read\n", h.Load/1e9, h.Write/1e9, h.Read/1e9)
	}
	fmt.Fprintf(w, "micro batch %d rows, %d tokens: %.0f ms; update %.1f ms\n", r.Rows, r.Tokens, 1e3*r.Seconds, 1e3*r.Update)
	fmt.Fprintf(w, "step        %.0f tokens/s", r.TokensSecond)
	if r.OfPeak > 0 {
		fmt.Fprintf(w, ", products at %.2f of the peak over the whole time", r.OfPeak)
	}
	fmt.Fprintf(w, "\nmemory      planned %s, process peak %s\n\n", report.Bytes(r.PlannedBytes), report.Bytes(r.PeakRSS))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "ms\tof time\ttimes\tGFLOP/s\tGB/s\tof peak\t  instruction")
	for _, row := range r.Instructions {
		ofPeak := "-"
		if row.OfPeak > 0 {
			ofPeak = fmt.Sprintf("%.2f", row.OfPeak)
		}
		fmt.Fprintf(t, "%.2f\t%.1f %%\t%d\t%.1f\t%.1f\t%s\t  %s\n",
			1e3*row.Seconds, 100*row.Share, row.Count, row.Flops/row.Seconds/1e9, row.Bytes/row.Seconds/1e9, ofPeak, row.Name)
	}
	return t.Flush()
}
