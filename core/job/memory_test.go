package job

import (
	"fmt"
	"path/filepath"
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
// streams more of them, then says no; what it chose fits, and the next better does not.
func TestFit(t *testing.T) {
	base, err := model.Open(filepath.Join("..", "..", "testdata", "goldens", "llama"), layered{}, 64, true)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	adapter := &lower.LoRA{Target: func(string) (int, float32, bool) { return 4, 1, true }}
	const accumulation = 2
	options := lower.Options{Train: []int{64}, Adapter: adapter}
	need := func(o lower.Options) int64 {
		m, err := lower.Lower(base.Graph, o)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for class, n := range m.Program.Bytes() {
			if class != program.Host {
				sum += n
			}
		}
		return sum
	}
	choose := func(budget int64, streams bool, checkpointing config.AutoBool) (lower.Options, error) {
		c := &config.Config{Train: config.Train{GradientAccumulationSteps: accumulation}}
		c.Device.Memory.Bytes, c.Device.GradientCheckpointing = budget, checkpointing
		j := &Job{Deps: Deps{Device: described{backends.Device{Name: "described", Streams: streams}}}, Config: c, Base: base}
		return j.fit(options)
	}
	all := options
	all.Keep = lower.KeepAll
	seen := map[string]int{}
	lastKeep, lastLoads := lower.KeepAll, 0
	for budget := need(all); ; budget -= 32 << 10 {
		o, err := choose(budget, true, config.Auto)
		if err != nil {
			seen["refused"]++
			break
		}
		if n := need(o); n > budget {
			t.Fatalf("chose %d kept, %d streamed, which needs %d of %d bytes", o.Keep, o.Stream, n, budget)
		}
		loads := o.Stream * accumulation // of blocks, forward in one step
		if o.Micros > 1 {
			loads = o.Stream
			seen["layer-major"]++
		}
		if o.Keep > lastKeep || loads < lastLoads || o.Keep > 0 && loads > 0 {
			t.Fatalf("with %d bytes: %d kept and %d loads, after %d and %d", budget, o.Keep, loads, lastKeep, lastLoads)
		}
		lastKeep, lastLoads = o.Keep, loads
		switch {
		case o.Keep == lower.KeepAll:
			seen["all"]++
		case o.Keep > 0:
			seen["some"]++
		case o.Stream == 0:
			seen["none"]++
		default:
			seen["streamed"]++
		}
	}
	for _, what := range []string{"all", "some", "none", "streamed", "layer-major", "refused"} {
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
}
