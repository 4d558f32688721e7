package protocol_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// full has every field of a graph set, to values of their own.
func full() *graph.Graph {
	return &graph.Graph{
		Architecture: "a", Vocab: 1, Width: 2, MaxPositions: 3,
		Embed: graph.Segment{Name: "e", Ops: []graph.Op{{Kind: graph.Embedding, In: []graph.Value{0}}}},
		Blocks: []graph.Segment{{Name: "b", Ops: []graph.Op{{
			Kind: graph.Attention, Module: "m", In: []graph.Value{1, 2, 3}, Columns: 4, Weight: "w", Bias: "c",
			Eps: 5, Offset: 6, Scale: 7, Heads: 8, KVHeads: 9, HeadDim: 10, InvFreq: []float32{11, 12},
			Interleaved: true, Window: 13, SoftCap: 14, Activation: "x",
		}}}, {Name: "b2"}},
		Head:   graph.Segment{Name: "h"},
		Params: []graph.Param{{Name: "p", Shape: []int{15, 16}, Tensor: "t", Transpose: true, FirstRow: 17}},
	}
}

// over sends a message over the wire.
func over[M proto.Message](t *testing.T, m, empty M) M {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, empty); err != nil {
		t.Fatal(err)
	}
	return empty
}

func TestGraphSurvivesTheWire(t *testing.T) {
	got := protocol.GraphFromWire(over(t, protocol.GraphToWire(full()), &pb.Graph{}))
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("sent (-), received (+):\n%s", diff)
	}
}

func TestRequestSurvivesTheWire(t *testing.T) {
	want := protocol.Request{
		Family: "f", Config: []byte("{}"), SequenceLen: 3,
		Tensors: []protocol.Tensor{{Name: "t", Shape: []int{1, 2}, DType: "BF16"}},
	}
	got := protocol.RequestFromWire(over(t, protocol.RequestToWire(want), &pb.BuildRequest{}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-), received (+):\n%s", diff)
	}
}

func TestResultsSurviveTheWire(t *testing.T) {
	weight := 0.0
	for _, want := range []protocol.Result{
		{Error: "no"},
		{Conversation: conversation.Conversation{Text: "t"}},
		{Conversation: conversation.Conversation{
			Messages: []conversation.Message{{Role: "user", Content: "u"}, {Role: "assistant", Content: "good"}},
			Rejected: []conversation.Message{{Role: "user", Content: "u"}, {Role: "assistant", Content: "bad"}},
		}},
		{Conversation: conversation.Conversation{Messages: []conversation.Message{{Role: "assistant", Reasoning: "r"}, {Role: "tool", Name: "n", ToolCallID: "c"}}, Label: new(bool), Documents: "[]"}},
		{Conversation: conversation.Conversation{
			Messages: []conversation.Message{{Role: "user", Content: "c", ToolCalls: "[1]", Weight: &weight}, {Role: "tool"}},
			Tools:    "[]", Fields: map[string]string{"a": ""},
		}},
	} {
		got := protocol.ResultFromWire(over(t, protocol.ResultToWire(want), &pb.Result{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sent (-), received (+):\n%s", diff)
		}
	}
}

func TestDescriptionsSurviveTheWire(t *testing.T) {
	families := []protocol.Family{{Name: "n", Version: "1", ModelTypes: []string{"m"}, Architectures: []string{"A"}}}
	if diff := cmp.Diff(families, protocol.FamiliesFromWire(protocol.FamiliesToWire(families))); diff != "" {
		t.Error(diff)
	}
	types := []protocol.DatasetType{{Name: "n", Version: "1", Description: "d", Columns: []protocol.Column{{Name: "c", Required: true, Description: "e"}}}}
	if diff := cmp.Diff(types, protocol.TypesFromWire(protocol.TypesToWire(types))); diff != "" {
		t.Error(diff)
	}
}

// Text that is not UTF-8 would make the whole message fail.
func TestTextThatIsNotUTF8IsSent(t *testing.T) {
	got := over(t, protocol.ResultToWire(protocol.Result{Error: "bad \xff byte"}), &pb.Result{})
	if got.GetError() != "bad \ufffd byte" {
		t.Errorf("received %q", got.GetError())
	}
}

func TestUnknownField(t *testing.T) {
	g := protocol.GraphToWire(full())
	if name := protocol.UnknownField(g); name != "" {
		t.Errorf("field of %s in a graph that has none", name)
	}
	field := protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1)
	g.Blocks[0].Ops[0].ProtoReflect().SetUnknown(field)
	if name := protocol.UnknownField(over(t, g, &pb.Graph{})); name != "Op" {
		t.Errorf("found a field of %q, want Op", name)
	}
}

// FuzzGraph says that no message of a plugin makes the host panic.
func FuzzGraph(f *testing.F) {
	seed, err := proto.Marshal(protocol.GraphToWire(full()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	extreme := full()
	extreme.Vocab, extreme.Params[0].FirstRow, extreme.Blocks[0].Ops[0].In[0] = math.MaxInt64, math.MinInt64, math.MinInt64
	seed, err = proto.Marshal(protocol.GraphToWire(extreme))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var w pb.Graph
		if proto.Unmarshal(data, &w) != nil {
			return
		}
		protocol.UnknownField(&w)
		g := protocol.GraphFromWire(&w)
		if g.Check() != nil {
			return
		}
		if err := g.CheckTensors(func(string) ([]int, bool) { return nil, true }); err == nil {
			t.Error("tensors without a shape fit")
		}
	})
}
