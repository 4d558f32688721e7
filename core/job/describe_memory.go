package job

import (
	"fmt"
	"io"

	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/core/report"
)

func (j *Job) describeMemory(w io.Writer, m *lower.Model, o lower.Options) {
	bytes := m.Program.Bytes()
	fmt.Fprintf(w, "memory      %s: weights %s, training state %s, inputs %s, activations %s, %s\n", report.Bytes(m.Program.OnDevice()),
		report.Bytes(bytes[program.Weights]), report.Bytes(bytes[program.State]), report.Bytes(bytes[program.Inputs]), report.Bytes(bytes[program.Arena]), j.describeKept(o.Keep))
	for _, text := range j.describeCopies(m, o) {
		fmt.Fprintf(w, "            %s\n", text)
	}
	if n := len(m.Modules); n > 0 {
		trained := 0
		for _, mod := range m.Modules {
			trained += mod.Rank * (mod.In + mod.Out)
		}
		fmt.Fprintf(w, "adapters    %d modules, %s parameters\n", n, millions(int64(trained)))
	}
}

// describeCopies says what is copied again and again, and how to pay less for it.
func (j *Job) describeCopies(m *lower.Model, o lower.Options) []string {
	blocks, bytes := len(j.Base.Graph.Blocks), m.Program.Bytes()
	var lines []string
	if o.Park > 0 {
		lines = append(lines, fmt.Sprintf("the inputs of %d of %d blocks, up to %s, wait in the host's memory between forward and backward",
			min(o.Park, blocks-1), blocks, report.Bytes(bytes[program.Parked])))
	}
	if o.Stream > 0 {
		order := "for each micro batch"
		if o.Micros > 1 {
			order = "once a step for all its micro batches"
		}
		lines = append(lines, fmt.Sprintf("the weights of %d of %d blocks, %s, stay in the host's memory and are loaded twice %s",
			min(o.Stream, blocks), blocks, report.Bytes(bytes[program.Host]), order))
	}
	if len(lines) > 0 {
		advice := "more device memory makes it less"
		if o.Stream > 0 {
			advice += ", and more tokens a step make it count less"
		}
		lines = append(lines, fmt.Sprintf("so a step copies up to %s, which takes time: %s", report.Bytes(j.copiedBytes(m)), advice))
	}
	return lines
}

// describeKept says what becomes of activations until the backward pass.
func (j *Job) describeKept(keep int) string {
	switch blocks := len(j.Base.Graph.Blocks); {
	case keep >= blocks:
		return "kept for the backward pass"
	case keep == 0:
		return "computed again in the backward pass"
	default:
		return fmt.Sprintf("kept of %d blocks and computed again of the other %d", keep, blocks-keep)
	}
}
