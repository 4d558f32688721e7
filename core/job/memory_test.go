package job

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/program"
)

// described is a device that is not there.
type described struct{ backends.Device }

func (d described) Describe() backends.Device { return d.Device }
func (d described) Compile(*program.Program) (backends.Executable, error) {
	return nil, fmt.Errorf("%s only describes itself", d.Name)
}

// layered is a model of eight blocks of a gated pair of linears.
type layered struct{}

func (layered) Architecture(string, []byte, []model.Tensor, int) (*graph.Graph, error) {
	const width, blocks = 256, 8
	g := &graph.Graph{Architecture: "layered", Vocab: 64, Width: width}
	param := func(name string, rows int) string {
		g.Params = append(g.Params, graph.Param{Name: name, Tensor: name, Shape: []int{rows, width}})
		return name
	}
	table := param("embed", 64)
	g.Embed = graph.Segment{Name: "embed", Ops: []graph.Op{{Kind: graph.Embedding, Module: "embed", In: []graph.Value{0}, Columns: width, Weight: table, Scale: 1}}}
	for i := range blocks {
		name := fmt.Sprintf("block.%d", i)
		linear := func(side string) graph.Op {
			return graph.Op{Kind: graph.Linear, Module: name + side, In: []graph.Value{0}, Columns: width, Weight: param(name+side, width)}
		}
		gated := graph.Op{Kind: graph.Gated, In: []graph.Value{1, 2}, Columns: width, Activation: "silu"}
		add := graph.Op{Kind: graph.Add, In: []graph.Value{0, 3}, Columns: width}
		g.Blocks = append(g.Blocks, graph.Segment{Name: name, Ops: []graph.Op{linear(".a"), linear(".b"), gated, add}})
	}
	head := graph.Op{Kind: graph.Linear, Module: "head", In: []graph.Value{0}, Columns: 64, Weight: table}
	g.Head = graph.Segment{Name: "head", Ops: []graph.Op{head}}
	return g, nil
}

// With less and less memory the planner first computes more blocks again, then
// copies more and more between the device and the host's memory, then says no; what
// it chose fits.
func TestFit(t *testing.T) {
	base, err := model.Open(filepath.Join("..", "..", "testdata", "goldens", "llama"), layered{}, 64, true)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	adapter := &lower.LoRA{Target: func(string) (int, float32, bool) { return 4, 1, true }}
	const accumulation = 2
	options := lower.Options{Train: []int{256}, Adapter: adapter}
	c := &config.Config{Train: config.Train{GradientAccumulationSteps: accumulation}}
	lowered := func(o lower.Options) *lower.Model {
		m, err := lower.Lower(base.Graph, o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	need := func(o lower.Options) int64 { return lowered(o).Program.OnDevice() }
	planning := func(budget int64, streams bool, checkpointing config.AutoBool) *Job {
		c := *c
		c.Device.Memory.Bytes, c.Device.GradientCheckpointing = budget, checkpointing
		return &Job{Deps: Deps{Device: described{backends.Device{Name: "described", Streams: streams}}}, Config: &c, Base: base}
	}
	choose := func(budget int64, streams bool, checkpointing config.AutoBool) (lower.Options, error) {
		return planning(budget, streams, checkpointing).fit(options)
	}
	all := options
	all.Keep = lower.KeepAll
	seen := map[string]int{}
	lastKeep, lastCopied := lower.KeepAll, int64(0)
	for budget := need(all); ; budget -= 96 << 10 {
		o, err := choose(budget, true, config.Auto)
		if err != nil {
			seen["refused"]++
			break
		}
		m := lowered(o)
		if n := m.Program.OnDevice(); n > budget {
			t.Fatalf("chose %d kept, %d streamed, %d parked, which needs %d of %d bytes", o.Keep, o.Stream, o.Park, n, budget)
		}
		copied := planning(0, true, config.Auto).copiedBytes(m)
		if o.Keep > lastKeep || copied < lastCopied || o.Keep > 0 && copied > 0 {
			t.Fatalf("with %d bytes: %d kept and %d bytes copied, after %d and %d", budget, o.Keep, copied, lastKeep, lastCopied)
		}
		lastKeep, lastCopied = o.Keep, copied
		what := "none"
		switch {
		case o.Keep == lower.KeepAll:
			what = "all"
		case o.Keep > 0:
			what = "some"
		case o.Stream > 0 && o.Park > 0:
			what = "parked and streamed"
		case o.Stream > 0:
			what = "streamed"
		case o.Park > 0:
			what = "parked"
		}
		seen[what]++
		if o.Micros > 1 {
			seen["layer-major"]++
		}
	}
	for _, what := range []string{"all", "some", "none", "parked", "streamed", "parked and streamed", "layer-major", "refused"} {
		if seen[what] == 0 {
			t.Errorf("never: %s (%v)", what, seen)
		}
	}
	if o, err := choose(need(all), true, config.On); err != nil || o.Keep != 0 {
		t.Errorf("gradient_checkpointing = true keeps %d blocks (%v)", o.Keep, err)
	}
	if _, err := choose(need(all)-1, true, config.Off); err == nil {
		t.Error("gradient_checkpointing = false fits where it does not")
	}
	if _, err := choose(need(options)-1, false, config.Auto); err == nil {
		t.Error("a device that cannot stream: no error")
	}
	t.Run("said in words", func(t *testing.T) {
		o := options
		o.Park, o.Stream, o.Micros = 3, 2, accumulation
		got := strings.Join(planning(0, true, config.Auto).describeCopies(lowered(o), o), "\n")
		// A parked input has 256 · 256 · 4 bytes in each of two micro batches, a streamed
		// block 2 · 256 · 256 · 4. Inputs are copied twice; the last two blocks are still there
		// when backward begins.
		const want = `the inputs of 3 of 8 blocks, up to 1.5 MiB, wait in the host's memory between forward and backward
the weights of 2 of 8 blocks, 1.0 MiB, stay in the host's memory and are loaded twice once a step for all its micro batches
so a step copies up to 4.0 MiB, which takes time: more device memory makes it less, and more tokens a step make it count less`
		if got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
	t.Run("large buffers", func(t *testing.T) {
		const table = 64 * 256 * 4
		j := planning(0, true, config.Auto)
		for _, c := range []struct {
			device backends.Device
			want   string
		}{
			{backends.Device{MaxBlockBytes: table / 2}, ""},
			{backends.Device{MaxBlockBytes: table / 2, MaxBufferBytes: 1 << 30}, ""},
			{backends.Device{MaxBlockBytes: table / 2, MaxBufferBytes: table / 2}, `embed [64, 256]: needs 65536 bytes in one piece, and the device allocates at most 32768: [device] backend = "cpu" has no such limit`},
		} {
			j.Device = described{c.device}
			_, err := j.fit(options)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: got %v, want %q", c.device, err, c.want)
			}
		}
	})
}
