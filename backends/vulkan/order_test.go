package vulkan

import (
	"encoding/json"
	"testing"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// llamaGraph is a model of a config.json's values, without weights.
func llamaGraph(t testing.TB, config map[string]any) *graph.Graph {
	t.Helper()
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range builtin.Plugin().Architectures {
		if a.Describe().Name == "llama" {
			g, err := a.Build(sdk.Request{Family: "llama", Config: data, SequenceLen: 2048})
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
	}
	t.Fatal("no llama is built in")
	return nil
}

// llamaConfig is a config.json of Llama's form.
func llamaConfig(hidden, inner, layers, heads, keyHeads, vocabulary int) map[string]any {
	return map[string]any{
		"model_type": "llama", "architectures": []string{"LlamaForCausalLM"}, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 8192,
		"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": keyHeads,
		"vocab_size": vocabulary,
	}
}

// onEveryLinear is an adapter.
func onEveryLinear(rank int, dropout float32) *lower.LoRA {
	return &lower.LoRA{Target: func(string) (int, float32, bool) { return rank, 1, true }, Dropout: dropout}
}

// noDevice is what lowering asks of a device that is not there.
func noDevice() *device {
	return &device{Device: &vk.Device{Info: vk.Info{
		MaxGroups: [3]uint32{65535, 65535, 65535}, MaxInvocations: 1024, SharedMemory: 48 << 10, PushConstants: 256,
		Subgroup: 32, MinSubgroup: 32, MaxSubgroup: 32, FixedSubgroup: true,
	}}}
}

// arranged are an entry's items and commands, without pipelines.
func arranged(t testing.TB, p *program.Program, e *program.Entry) ([]work, []command) {
	t.Helper()
	l := &lowering{device: noDevice()}
	all, err := l.entry(resolve(p, e, make([]uint64, len(p.Blocks))))
	if err != nil {
		t.Fatal(err)
	}
	list, err := arrange(all, command{item: -1}, func(w *work) ([]command, error) {
		if w.load != nil {
			return []command{{Command: vk.Command{Kind: vk.KindCopy}}}, nil
		}
		var made []command
		for _, d := range w.dispatches {
			c := command{Command: vk.Command{Kind: vk.KindDispatch, Groups: d.groups}, cost: d.cost}
			if d.after {
				c.Barrier = 1
			}
			made = append(made, c)
		}
		return made, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, list
}

// batch is a submission.
type batch struct {
	commands []command
	after    uint64 // the point in the other lane's time that it waits for
}

// batches cuts commands as a run does, at a speed in cost a second.
func batches(list []command, speed float64) []batch {
	f := &flight{Executable: &Executable{pace: pace{speed}}, ends: make([]uint64, len(list))}
	var all []batch
	var given [2]uint64
	for len(list) > 0 {
		var b batch
		b.commands, _, list = f.cut(list, f.after)
		b.after = f.after(&b.commands[0])
		lane := b.commands[0].lane
		given[lane]++
		f.submitted(b.commands, given[lane])
		all = append(all, b)
	}
	return all
}

// moment is where a command stands in what Vulkan orders: barriers of its lane
// before it, and the points in both lanes' time of what must have ended.
type moment struct {
	lane   vk.Lane
	epoch  int    // barriers before it in its lane
	point  uint64 // of its own submission
	waited uint64 // point in the other lane's time that its lane has waited for
	item   int
}

// moments follows submissions: each signals when all before it in its lane has ended, and
// its wait holds for all that follows in its lane. Each begins with a barrier on its lane, unless
// only the commands' own are to count.
func moments(all []batch, own bool) []moment {
	var list []moment
	var epochs [2]int
	var points, waited [2]uint64
	for _, b := range all {
		lane := b.commands[0].lane
		points[lane]++
		waited[lane] = max(waited[lane], b.after)
		for i, c := range b.commands {
			if i == 0 && !own || c.Barrier != 0 {
				epochs[lane]++
			}
			list = append(list, moment{lane, epochs[lane], points[lane], waited[lane], c.item})
		}
	}
	return list
}

// precedes says that a has ended, and its writes are seen, before b begins in every
// order that Vulkan permits.
func (a moment) precedes(b moment) bool {
	if a.lane == b.lane {
		return a.epoch < b.epoch
	}
	return a.point <= b.waited
}

// pair is two items in the program's order.
type pair struct{ first, second int }

// conflicting are the pairs of items that touch the same bytes, one of them writing.
func conflicting(items []work) []pair {
	var all []pair
	for j := range items {
		for i := range j {
			if items[i].conflicts(&items[j]) {
				all = append(all, pair{i, j})
			}
		}
	}
	return all
}

// unordered are pairs where nothing makes the second item wait for the first. It
// knows nothing of how the schedule came about.
func unordered(pairs []pair, all []batch, own bool) (found []pair) {
	of := map[int][]moment{}
	for _, m := range moments(all, own) {
		of[m.item] = append(of[m.item], m)
	}
	for _, p := range pairs {
		if !allPrecede(of[p.first], of[p.second]) {
			found = append(found, p)
		}
	}
	return found
}

func allPrecede(first, second []moment) bool {
	for _, a := range first {
		for _, b := range second {
			if !a.precedes(b) {
				return false
			}
		}
	}
	return len(first) > 0 && len(second) > 0
}

// orderedPrograms are small models whose weights are streamed and whose block inputs are parked.
func orderedPrograms(t *testing.T) map[string]*program.Program {
	t.Helper()
	g := llamaGraph(t, llamaConfig(32, 64, 5, 4, 2, 48))
	all := map[string]*program.Program{}
	for name, o := range map[string]lower.Options{
		"streamed and parked":              {Stream: 5, Park: 4},
		"streamed and parked, layer-major": {Stream: 5, Park: 4, Micros: 3},
		"some of both":                     {Stream: 3, Park: 2, Micros: 2},
		"parked":                           {Park: 4, Keep: 1},
	} {
		o.Train, o.Adapter = []int{16}, onEveryLinear(2, 0.1)
		m, err := lower.Lower(g, o)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = m.Program
	}
	return all
}

// In every order that Vulkan permits for two queues, with submissions cut where
// slow and fast devices have them, a training step touches all bytes in the program's order.
func TestEveryPermittedOrderGivesTheSame(t *testing.T) {
	for name, p := range orderedPrograms(t) {
		crossing := 0
		for e := range p.Entries {
			items, list := arranged(t, p, &p.Entries[e])
			pairs := conflicting(items)
			for _, speed := range []float64{1, 1e6, 1e7, 1e8, 1e12} {
				all := batches(list, speed)
				if found := unordered(pairs, all, false); len(found) > 0 {
					t.Fatalf("%s, entry %d at speed %g: item %d may run beside item %d, whose bytes it touches, and %d more", name, e, speed, found[0].second, found[0].first, len(found)-1)
				}
				for _, b := range all {
					if b.after > 0 {
						crossing++
					}
				}
			}
		}
		if crossing == 0 {
			t.Errorf("%s: no lane waited for the other", name)
		}
	}
}

// Without any one of its waits or barriers a step races, and the check above finds it:
// none is missed, and none is there for nothing.
func TestEveryWaitAndBarrierIsNeeded(t *testing.T) {
	for name, p := range orderedPrograms(t) {
		waits, barriers := 0, 0
		for e := range p.Entries {
			if p.Entries[e].Kind != program.Step {
				continue
			}
			items, list := arranged(t, p, &p.Entries[e])
			pairs, all := conflicting(items), batches(list, 1e12)
			computing := false // an instruction came
			for n := range all {
				b := &all[n]
				if after := b.after; after > 0 {
					waits++
					b.after = 0
					if len(unordered(pairs, all, false)) == 0 {
						t.Errorf("%s: submission %d waits for the other lane and need not", name, n)
					}
					b.after = after
				}
				for i := range b.commands {
					c := &b.commands[i]
					scalars := !computing && c.lane == vk.Compute
					computing = computing || scalars && c.item >= 0
					if c.Barrier == 0 || scalars || list[c.number-1].item == c.item {
						continue // on the scalars, or between an instruction's own dispatches
					}
					barriers++
					c.Barrier = 0
					if len(unordered(pairs, all, true)) == 0 {
						t.Errorf("%s: the barrier before item %d is of no use", name, c.item)
					}
					c.Barrier = 1
				}
			}
		}
		if waits == 0 || barriers == 0 {
			t.Errorf("%s: %d waits, %d barriers", name, waits, barriers)
		}
		t.Logf("%s: %d waits and %d barriers, each dropped in turn", name, waits, barriers)
	}
}
