package graph_test

import (
	"math"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/graph"
)

// Operations of the valid model's block, by what they are.
const (
	norm = iota
	query
	key
	value
	rotatedQuery
	rotatedKey
	attention
	output
	residual
	gate
	up
	gated
	down
)

// valid is a decoder of one block: width 8, 2 query heads of 4 over 1 key head,
// vocabulary 16.
func valid() *graph.Graph {
	g := &graph.Graph{Architecture: "tiny", Vocab: 16, Width: 8, MaxPositions: 32}
	param := func(name string, shape ...int) string {
		g.Params = append(g.Params, graph.Param{Name: name, Shape: shape, Tensor: name})
		return name
	}
	linear := func(module string, in graph.Value, columns, from int) graph.Op {
		return graph.Op{
			Kind: graph.Linear, Module: module, In: []graph.Value{in}, Columns: columns,
			Weight: param(module+".weight", columns, from),
		}
	}
	rope := func(in graph.Value, heads int) graph.Op {
		return graph.Op{
			Kind: graph.RoPE, In: []graph.Value{in}, Columns: 4 * heads, Heads: heads, HeadDim: 4,
			Scale: 1, InvFreq: []float32{1, 0.01},
		}
	}
	g.Embed = graph.Segment{Name: "embed", Ops: []graph.Op{{
		Kind: graph.Embedding, Module: "embed", In: []graph.Value{0}, Columns: 8, Scale: 1, Weight: param("embed.weight", 16, 8),
	}}}
	q := linear("q", 1, 8, 8)
	q.Bias = param("q.bias", 8)
	g.Blocks = []graph.Segment{{Name: "block", Ops: []graph.Op{
		norm:  {Kind: graph.RMSNorm, Module: "norm", In: []graph.Value{0}, Columns: 8, Eps: 1e-5, Weight: param("norm.weight", 8)},
		query: q, key: linear("k", 1, 4, 8), value: linear("v", 1, 4, 8),
		rotatedQuery: rope(2, 2), rotatedKey: rope(3, 1),
		attention: {
			Kind: graph.Attention, In: []graph.Value{5, 6, 4}, Columns: 8, Heads: 2, KVHeads: 1, HeadDim: 4, Scale: 0.5,
		},
		output:   linear("o", 7, 8, 8),
		residual: {Kind: graph.Add, In: []graph.Value{0, 8}, Columns: 8},
		gate:     linear("gate", 9, 12, 8), up: linear("up", 9, 12, 8),
		gated: {Kind: graph.Gated, In: []graph.Value{10, 11}, Columns: 12, Activation: graph.SiLU},
		down:  linear("down", 12, 8, 12),
	}}}
	g.Head = graph.Segment{Name: "head", Ops: []graph.Op{linear("head", 0, 16, 8)}}
	return g
}

func TestValidGraph(t *testing.T) {
	if err := valid().Check(); err != nil {
		t.Fatal(err)
	}
	tied := valid()
	tied.Head.Ops[0].Weight = "embed.weight"
	tied.Params = tied.Params[:len(tied.Params)-1]
	if err := tied.Check(); err != nil {
		t.Errorf("with tied embeddings: %v", err)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		change func(*graph.Graph, []graph.Op)
		want   string
	}{
		{"unknown kind", func(_ *graph.Graph, b []graph.Op) { b[gated].Kind = "mixture" },
			"graph tiny: block 0, operation 11 (mixture): this operation is unknown here; known are add, attention, embedding, gated, linear, rms_norm, rope"},
		{"kind that a terminal would obey", func(_ *graph.Graph, b []graph.Op) { b[gated].Kind = "\x1b[2J" }, `operation 11 ("\x1b[2J")`},
		{"value after use", func(_ *graph.Graph, b []graph.Op) { b[query].In[0] = 5 },
			"block 0, operation 1 (linear q): input 0 is value 5, want one that is defined before: 0 to 1"},
		{"negative value", func(_ *graph.Graph, b []graph.Op) { b[query].In[0] = -1 }, "input 0 is value -1"},
		{"number of inputs", func(_ *graph.Graph, b []graph.Op) { b[residual].In = b[residual].In[:1] }, "operation 8 (add): 1 inputs, want 2"},
		{"unused result", func(_ *graph.Graph, b []graph.Op) { b[residual].In[1] = 7 }, "operation 7 (linear o): no operation reads its result (value 8)"},
		{"head of nothing", func(g *graph.Graph, _ []graph.Op) {
			g.Head.Ops = []graph.Op{{Kind: graph.Linear, Module: "head", Columns: 16, Weight: "head.weight"}}
		}, "head, operation 0 (linear head): 0 inputs, want 1"},
		{"columns of add", func(_ *graph.Graph, b []graph.Op) { b[residual].Columns = 12 }, "input 0 has 8 columns, want 12 as the result has"},
		{"no columns", func(_ *graph.Graph, b []graph.Op) { b[down].Columns = 0 }, "operation 12 (linear down): 0 columns, want 1 to"},
		{"columns without end", func(_ *graph.Graph, b []graph.Op) { b[down].Columns = math.MaxInt }, "columns, want 1 to"},
		{"weight that is missing", func(_ *graph.Graph, b []graph.Op) { b[up].Weight = "" }, "operation 10 (linear up): names no weight"},
		{"weight that is unknown", func(_ *graph.Graph, b []graph.Op) { b[up].Weight = "upper" }, "weight upper is not among the graph's parameters"},
		{"weight of another shape", func(_ *graph.Graph, b []graph.Op) { b[down].Weight = "up.weight" },
			"operation 12 (linear down): weight up.weight has shape [12 8], want [8 12]"},
		{"bias of another shape", func(_ *graph.Graph, b []graph.Op) { b[up].Bias = "q.bias" }, "bias q.bias has 8 columns, want 12"},
		{"norm by a matrix", func(_ *graph.Graph, b []graph.Op) { b[norm].Weight = "up.weight" }, "weight up.weight has shape [12 8], want [columns]"},
		{"norm of a group that does not fit", func(g *graph.Graph, _ []graph.Op) { shape(g, "norm.weight", 3) }, "has 3 columns, want a divisor of the 8 columns"},
		{"norm without numbers", func(_ *graph.Graph, b []graph.Op) { b[norm].Eps = nan }, "Eps is NaN"},
		{"rope of too many frequencies", func(_ *graph.Graph, b []graph.Op) { b[rotatedKey].InvFreq = make([]float32, 3) },
			"InvFreq has 3 frequencies, want 1 to 2"},
		{"rope without frequencies", func(_ *graph.Graph, b []graph.Op) { b[rotatedKey].InvFreq = nil }, "InvFreq has 0 frequencies"},
		{"rope of what is no number", func(_ *graph.Graph, b []graph.Op) { b[rotatedKey].InvFreq[1] = nan }, "InvFreq[1] is NaN"},
		{"rope without scale", func(_ *graph.Graph, b []graph.Op) { b[rotatedKey].Scale = 0 }, "Scale is 0, want a number above 0"},
		{"heads that do not fit", func(_ *graph.Graph, b []graph.Op) { b[rotatedQuery].Heads = 3 }, "Heads · HeadDim is 3 · 4, want 8 columns"},
		{"heads that overflow", func(_ *graph.Graph, b []graph.Op) { b[rotatedQuery].Heads, b[rotatedQuery].HeadDim = 1<<62, 4 }, "Heads is 4611686018427387904"},
		{"key heads that do not fit", func(_ *graph.Graph, b []graph.Op) { b[attention].KVHeads = 2 }, "key: KVHeads · HeadDim is 2 · 4, want 4 columns"},
		{"no key heads", func(_ *graph.Graph, b []graph.Op) { b[attention].KVHeads = 0 }, "KVHeads is 0"},
		{"negative window", func(_ *graph.Graph, b []graph.Op) { b[attention].Window = -1 }, "Window is -1"},
		{"soft cap without end", func(_ *graph.Graph, b []graph.Op) { b[attention].SoftCap = float32(math.Inf(1)) }, "SoftCap is +Inf"},
		{"unknown activation", func(_ *graph.Graph, b []graph.Op) { b[gated].Activation = "relu" }, "Activation is relu, want silu, gelu, gelu_tanh"},
		{"field that would be ignored", func(_ *graph.Graph, b []graph.Op) { b[gated].SoftCap = 30 }, "operation 11 (gated): SoftCap is set, which gated does not have"},
		{"module twice", func(_ *graph.Graph, b []graph.Op) { b[up].Module = "gate" }, "module gate is already the name of block 0, operation 9 (linear gate)"},
		{"module without a name", func(_ *graph.Graph, b []graph.Op) { b[up].Module = "" }, "module is missing"},
		{"embedding in a block", func(g *graph.Graph, b []graph.Op) { b[norm] = g.Embed.Ops[0] }, "want embedding as the first operation of embed, and nowhere else"},
		{"embed without embedding", func(g *graph.Graph, _ []graph.Op) { g.Embed.Ops[0].Kind = graph.Add }, "embed, operation 0"},
		{"embedding of another vocabulary", func(g *graph.Graph, _ []graph.Op) { g.Vocab = 17 }, "weight embed.weight has shape [16 8], want [17 8]"},
		{"token ids as numbers", func(g *graph.Graph, _ []graph.Op) {
			g.Embed.Ops = append(g.Embed.Ops, graph.Op{Kind: graph.Add, In: []graph.Value{0, 1}, Columns: 8})
		}, "embed, operation 1 (add): input 0 is the token ids"},
		{"head without linear", func(g *graph.Graph, _ []graph.Op) {
			g.Head.Ops = append(g.Head.Ops, graph.Op{Kind: graph.Add, In: []graph.Value{1, 1}, Columns: 16})
		}, "head, operation 1 (add): the head ends in add, want linear"},
		{"head of another vocabulary", func(g *graph.Graph, _ []graph.Op) {
			g.Head.Ops[0].Columns = 15
			shape(g, "head.weight", 15, 8)
		}, "the segment's result has 15 columns, want 16"},
		{"block of another width", func(g *graph.Graph, b []graph.Op) {
			b[down].Columns = 9
			shape(g, "down.weight", 9, 12)
		}, "block 0, operation 12 (linear down): the segment's result has 9 columns, want 8"},
		{"empty block", func(g *graph.Graph, _ []graph.Op) { g.Blocks[0].Ops = nil }, "block 0 has 0 operations"},
		{"no blocks", func(g *graph.Graph, _ []graph.Op) { g.Blocks = nil }, "0 blocks"},
		{"no width", func(g *graph.Graph, _ []graph.Op) { g.Width = 0 }, "width is 0, want 1 to"},
		{"negative vocabulary", func(g *graph.Graph, _ []graph.Op) { g.Vocab = -1 }, "vocabulary is -1"},
		{"no positions", func(g *graph.Graph, _ []graph.Op) { g.MaxPositions = 0 }, "max positions is 0"},
		{"no name", func(g *graph.Graph, _ []graph.Op) { g.Architecture = "" }, "architecture name is missing"},
		{"parameter twice", func(g *graph.Graph, _ []graph.Op) { g.Params = append(g.Params, g.Params[0]) }, "parameter embed.weight is listed twice"},
		{"parameter for nothing", func(g *graph.Graph, _ []graph.Op) {
			g.Params = append(g.Params, graph.Param{Name: "extra", Shape: []int{1}, Tensor: "extra"})
		}, "parameter extra is listed, but no operation names it"},
		{"parameter of no shape", func(g *graph.Graph, _ []graph.Op) { shape(g, "up.weight") }, "shape has 0 dimensions"},
		{"parameter of a negative size", func(g *graph.Graph, _ []graph.Op) { shape(g, "up.weight", -12, -8) }, "shape [-12 -8], want sizes of 1 to"},
		{"parameter without end", func(g *graph.Graph, _ []graph.Op) { shape(g, "up.weight", 1<<24, 1<<24) }, "281474976710656 elements, want at most"},
		{"parameter without tensor", func(g *graph.Graph, _ []graph.Op) { g.Params[0].Tensor = "" }, "tensor name is missing"},
		{"parameter in a negative row", func(g *graph.Graph, _ []graph.Op) { g.Params[0].FirstRow = -1 }, "first row is -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := valid()
			c.change(g, g.Blocks[0].Ops)
			err := g.Check()
			if err == nil {
				t.Fatal("passes")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is\n%v\nwant it to have\n%s", err, c.want)
			}
		})
	}
}

// shape gives a parameter another shape.
func shape(g *graph.Graph, name string, dims ...int) {
	for i := range g.Params {
		if g.Params[i].Name == name {
			g.Params[i].Shape = dims
		}
	}
}

func TestNothing(t *testing.T) {
	if (*graph.Graph)(nil).Check() == nil || (&graph.Graph{}).Check() == nil {
		t.Error("an empty graph passes")
	}
}

func TestCheckTensors(t *testing.T) {
	param := func(name, tensor string, first int, shape ...int) graph.Param {
		return graph.Param{Name: name, Tensor: tensor, FirstRow: first, Shape: shape}
	}
	transposed := param("w", "w", 0, 6, 4)
	transposed.Transpose = true
	for _, c := range []struct {
		name   string
		params []graph.Param
		file   map[string][]int
		want   string // "" for none
	}{
		{"same", []graph.Param{param("w", "w", 0, 6, 4)}, map[string][]int{"w": {6, 4}}, ""},
		{"transposed", []graph.Param{transposed}, map[string][]int{"w": {4, 6}}, ""},
		{"two of one", []graph.Param{param("b", "w", 2, 4, 4), param("a", "w", 0, 2, 4)}, map[string][]int{"w": {6, 4}}, ""},
		{"missing", []graph.Param{param("w", "w", 0, 6, 4)}, nil, "tensor w: not in the model's files, but parameter w is read from it"},
		{"other shape", []graph.Param{param("w", "w", 0, 6, 4)}, map[string][]int{"w": {6, 5}}, "tensor w: has shape [6 5] in the file, want [6 4] for parameter w"},
		{"other rank", []graph.Param{param("w", "w", 0, 6, 4)}, map[string][]int{"w": {24}}, "has shape [24] in the file, want [6 4]"},
		{"no rank", []graph.Param{param("w", "w", 0, 6)}, map[string][]int{"w": {}}, "has shape [] in the file, want [6]"},
		{"rows left out", []graph.Param{param("a", "w", 0, 2, 4), param("b", "w", 2, 2, 4)}, map[string][]int{"w": {6, 4}}, "has 6 rows in the file, want 4 for the 2 parameters"},
		{"gap", []graph.Param{param("a", "w", 0, 2, 4), param("b", "w", 3, 3, 4)}, map[string][]int{"w": {6, 4}}, "parameter b begins in row 3, want row 2"},
		{"overlap", []graph.Param{param("a", "w", 0, 3, 4), param("b", "w", 2, 4, 4)}, map[string][]int{"w": {6, 4}}, "parameter b begins in row 2, want row 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &graph.Graph{Params: c.params}
			err := g.CheckTensors(func(name string) ([]int, bool) { s, ok := c.file[name]; return s, ok })
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error is %v, want it to have %s", err, c.want)
			}
		})
	}
}
