package lower_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
)

const (
	vocab, width, heads, kvHeads, headDim, inner, layers = 13, 8, 2, 1, 4, 12, 3
)

// tinyModel is a llama of a few hundred parameters, with a bias on q, tied
// embeddings when tied, and a window in its last layer.
func tinyModel(tied bool) *graph.Graph {
	g := &graph.Graph{Architecture: "tiny", Vocab: vocab, Width: width, MaxPositions: 64}
	param := func(name string, shape ...int) string {
		g.Params = append(g.Params, graph.Param{Name: name, Shape: shape, Tensor: name})
		return name
	}
	embed := param("embed.weight", vocab, width)
	g.Embed = graph.Segment{Name: "embed", Ops: []graph.Op{
		{Kind: graph.Embedding, Module: "embed", In: []graph.Value{0}, Columns: width, Weight: embed, Scale: 1},
	}}
	for i := range layers {
		p := fmt.Sprintf("layers.%d.", i)
		norm := func(in graph.Value, name string) graph.Op {
			return graph.Op{Kind: graph.RMSNorm, Module: p + name, In: []graph.Value{in}, Columns: width, Weight: param(p+name, width), Eps: 1e-5}
		}
		linear := func(in graph.Value, name string, out, cols int) graph.Op {
			return graph.Op{Kind: graph.Linear, Module: p + name, In: []graph.Value{in}, Columns: out, Weight: param(p+name+".weight", out, cols)}
		}
		rope := func(in graph.Value, n int) graph.Op {
			return graph.Op{Kind: graph.RoPE, In: []graph.Value{in}, Columns: n * headDim, Heads: n, HeadDim: headDim, InvFreq: []float32{1, 0.1}, Scale: 1}
		}
		q := linear(1, "q", heads*headDim, width)
		q.Bias = param(p+"q.bias", heads*headDim)
		attention := graph.Op{
			Kind: graph.Attention, In: []graph.Value{5, 6, 4}, Columns: heads * headDim,
			Heads: heads, KVHeads: kvHeads, HeadDim: headDim, Scale: 0.5,
		}
		if i == layers-1 {
			attention.Window = 3
		}
		g.Blocks = append(g.Blocks, graph.Segment{Name: p, Ops: []graph.Op{
			norm(0, "norm1.weight"),                // 1
			q,                                      // 2
			linear(1, "k", kvHeads*headDim, width), // 3
			linear(1, "v", kvHeads*headDim, width), // 4
			rope(2, heads),                         // 5
			rope(3, kvHeads),                       // 6
			attention,                              // 7
			linear(7, "o", width, heads*headDim),   // 8
			{Kind: graph.Add, In: []graph.Value{0, 8}, Columns: width}, // 9
			norm(9, "norm2.weight"),          // 10
			linear(10, "gate", inner, width), // 11
			linear(10, "up", inner, width),   // 12
			{Kind: graph.Gated, In: []graph.Value{11, 12}, Columns: inner, Activation: graph.SiLU}, // 13
			linear(13, "down", width, inner),                            // 14
			{Kind: graph.Add, In: []graph.Value{9, 14}, Columns: width}, // 15
		}})
	}
	head := embed
	if !tied {
		head = param("head.weight", vocab, width)
	}
	g.Head = graph.Segment{Name: "head", Ops: []graph.Op{
		{Kind: graph.RMSNorm, Module: "norm", In: []graph.Value{0}, Columns: width, Weight: param("norm.weight", width), Eps: 1e-5},
		{Kind: graph.Linear, Module: "head", In: []graph.Value{1}, Columns: vocab, Weight: head},
	}}
	return g
}

func allLinear(rank int, dropout float32) *lower.LoRA {
	return &lower.LoRA{Dropout: dropout, Target: func(m string) (int, float32, bool) { return rank, 2, m != "head" }}
}

// withDoRA is allLinear with magnitudes.
func withDoRA(rank int, dropout float32) *lower.LoRA {
	a := allLinear(rank, dropout)
	a.DoRA = true
	return a
}

// machine is a lowered model on the float64 reference, with random weights.
type machine struct {
	*lower.Model
	exe *reference.Executable[float64]
}

func start(t *testing.T, g *graph.Graph, o lower.Options) *machine {
	t.Helper()
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	m, err := lower.Lower(g, o)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := reference.New[float64]().Load(m.Program)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Consts {
		for i, v := range c.Data {
			exe.Values(c.Buffer)[i] = float64(v)
		}
	}
	fill := func(name string, id program.BufferID) {
		var key uint64
		for _, c := range name {
			key = key*131 + uint64(c)
		}
		r := rand.New(rand.NewPCG(7, key))
		for i := range exe.Values(id) {
			exe.Values(id)[i] = 0.4 * r.NormFloat64()
		}
	}
	for name, id := range m.Weights {
		fill(name, id)
	}
	tested := &machine{m, exe}
	tested.refresh(t)
	for _, x := range m.Modules { // magnitudes around the norms
		if x.Magnitude >= 0 {
			for i, n := range exe.Values(x.Norm) {
				exe.Values(x.Magnitude)[i] = n * (1 + exe.Values(x.Magnitude)[i])
			}
		}
	}
	return tested
}

// refresh computes what follows from the parameters, where anything does.
func (m *machine) refresh(t *testing.T) {
	t.Helper()
	for i, e := range m.Program.Entries {
		if e.Kind == program.Refresh {
			if err := m.exe.Run(i, &program.Scalars{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (m *machine) entry(t *testing.T, kind program.EntryKind, tokens, micros int) int {
	t.Helper()
	for i, e := range m.Program.Entries {
		if e.Kind == kind && e.Tokens == tokens && e.Micros == micros {
			return i
		}
	}
	t.Fatalf("no entry of kind %d for %d tokens in %d micro batches", kind, tokens, micros)
	return -1
}

func (m *machine) write(t *testing.T, io program.IO, b *data.Batch) {
	t.Helper()
	ints := map[program.BufferID][]int32{
		io.IDs: b.IDs, io.Positions: b.Positions, io.First: b.First, io.Last: b.Last,
		io.Targets: b.Targets, io.Index: b.Index, io.Order: b.Order,
	}
	for id, values := range ints {
		if id < 0 {
			continue
		}
		buf := make([]byte, 0, 4*len(values))
		for _, v := range values {
			buf = append(buf, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
		}
		if err := m.exe.Write(id, 0, buf); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range b.Weights {
		m.exe.Values(io.Weights)[i] = float64(w)
	}
}

// run runs an entry on batches and returns their Σ weight·CE.
func (m *machine) run(t *testing.T, kind program.EntryKind, s *program.Scalars, batches ...*data.Batch) float64 {
	t.Helper()
	entry := m.entry(t, kind, len(batches[0].IDs), len(batches))
	e := m.Program.Entries[entry]
	for i, b := range batches {
		m.write(t, e.IO[i], b)
	}
	if err := m.exe.Run(entry, s); err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, b := range batches {
		for row, lp := range m.exe.Values(e.IO[i].LogProbs) {
			sum -= float64(b.Weights[row]) * lp
		}
	}
	return sum
}

func (m *machine) gradients() []float64 { return append([]float64(nil), m.exe.Values(m.Grads)...) }

func (m *machine) clearGradients() { clear(m.exe.Values(m.Grads)) }

// examples are documents of different lengths, the first tokens untrained.
func examples() []data.Example {
	r := rand.New(rand.NewPCG(3, 3))
	var all []data.Example
	for _, n := range []int{5, 7, 1, 4} {
		e := data.Example{}
		for i := range n {
			e.IDs = append(e.IDs, int32(r.IntN(vocab)))
			w := float32(0)
			if i >= 2 {
				w = 1 + float32(i%2)
			}
			e.Weights = append(e.Weights, w)
		}
		all = append(all, e)
	}
	return all
}

func training(invN float64) *program.Scalars {
	return &program.Scalars{Seed: 5, DropoutStep: 3, Training: true, Adapter: 1, InvN: float32(invN)}
}

func distance(a, b []float64) float64 {
	var diff, norm float64
	for i := range a {
		diff += (a[i] - b[i]) * (a[i] - b[i])
		norm += b[i] * b[i]
	}
	return math.Sqrt(diff / norm)
}
