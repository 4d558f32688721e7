package protocol

import (
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// GraphToWire converts a graph.
func GraphToWire(g *graph.Graph) *pb.Graph {
	w := &pb.Graph{
		Architecture: Text(g.Architecture),
		Vocab:        int64(g.Vocab),
		Width:        int64(g.Width),
		MaxPositions: int64(g.MaxPositions),
		Embed:        segmentToWire(g.Embed),
		Head:         segmentToWire(g.Head),
	}
	for _, s := range g.Blocks {
		w.Blocks = append(w.Blocks, segmentToWire(s))
	}
	for _, p := range g.Params {
		w.Params = append(w.Params, &pb.Param{
			Name: Text(p.Name), Shape: widen(p.Shape), Tensor: Text(p.Tensor),
			Transpose: p.Transpose, FirstRow: int64(p.FirstRow),
		})
	}
	return w
}

// GraphFromWire is the reverse of GraphToWire. The graph is as unchecked as
// the message: call its Check.
func GraphFromWire(w *pb.Graph) *graph.Graph {
	g := &graph.Graph{
		Architecture: w.GetArchitecture(),
		Vocab:        signed(w.GetVocab()),
		Width:        signed(w.GetWidth()),
		MaxPositions: signed(w.GetMaxPositions()),
		Embed:        segmentFromWire(w.GetEmbed()),
		Head:         segmentFromWire(w.GetHead()),
	}
	for _, s := range w.GetBlocks() {
		g.Blocks = append(g.Blocks, segmentFromWire(s))
	}
	for _, p := range w.GetParams() {
		g.Params = append(g.Params, graph.Param{
			Name: p.GetName(), Shape: narrow[int](p.GetShape()), Tensor: p.GetTensor(),
			Transpose: p.GetTranspose(), FirstRow: signed(p.GetFirstRow()),
		})
	}
	return g
}

func segmentToWire(s graph.Segment) *pb.Segment {
	w := &pb.Segment{Name: Text(s.Name)}
	for _, op := range s.Ops {
		w.Ops = append(w.Ops, &pb.Op{
			Kind: Text(string(op.Kind)), Module: Text(op.Module), In: widen(op.In), Columns: int64(op.Columns),
			Weight: Text(op.Weight), Bias: Text(op.Bias),
			Eps: op.Eps, Offset: op.Offset, Scale: op.Scale,
			Heads: int64(op.Heads), KvHeads: int64(op.KVHeads), HeadDim: int64(op.HeadDim),
			InvFreq: op.InvFreq, Interleaved: op.Interleaved,
			Window: int64(op.Window), SoftCap: op.SoftCap, Activation: Text(op.Activation),
		})
	}
	return w
}

func segmentFromWire(w *pb.Segment) graph.Segment {
	s := graph.Segment{Name: w.GetName()}
	for _, op := range w.GetOps() {
		s.Ops = append(s.Ops, graph.Op{
			Kind: graph.Kind(op.GetKind()), Module: op.GetModule(),
			In: narrow[graph.Value](op.GetIn()), Columns: signed(op.GetColumns()),
			Weight: op.GetWeight(), Bias: op.GetBias(),
			Eps: op.GetEps(), Offset: op.GetOffset(), Scale: op.GetScale(),
			Heads: signed(op.GetHeads()), KVHeads: signed(op.GetKvHeads()), HeadDim: signed(op.GetHeadDim()),
			InvFreq: op.GetInvFreq(), Interleaved: op.GetInterleaved(),
			Window: signed(op.GetWindow()), SoftCap: op.GetSoftCap(), Activation: op.GetActivation(),
		})
	}
	return s
}

func widen[T ~int](list []T) []int64 {
	var out []int64
	for _, v := range list {
		out = append(out, int64(v))
	}
	return out
}

func narrow[T ~int](list []int64) []T {
	var out []T
	for _, v := range list {
		out = append(out, T(signed(v)))
	}
	return out
}
