package host

import (
	"context"
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// Architecture builds the graphs of one family of models.
type Architecture struct {
	Family  protocol.Family
	Plugin  string // its name
	process *process
}

// Build returns the graph of a model: checked, and fitting the tensors of the
// request. An *Error is the plugin's fault, any other error the model's.
func (a *Architecture) Build(ctx context.Context, r protocol.Request) (*graph.Graph, error) {
	p := a.process
	r.Family = a.Family.Name
	doing := "building a graph of family " + r.Family
	var answer *pb.BuildResponse
	var g *graph.Graph
	err := p.call(ctx, doing, func(ctx context.Context, run *running) (err error) {
		answer, err = pb.NewArchitectureClient(run.conn).Build(ctx, protocol.RequestToWire(r))
		if err != nil || answer.GetError() != "" {
			return err
		}
		if err := p.known(doing, answer); err != nil {
			return err
		}
		if answer.GetGraph() == nil {
			return p.wrong(doing, "it answered with neither a graph nor an error")
		}
		g = protocol.GraphFromWire(answer.GetGraph())
		if err := g.Check(); err != nil {
			e := p.wrong(doing, "%s", said(err.Error()))
			if needsNewer(g) {
				e.Advice = adviceNewer
			}
			return e
		}
		if len(r.Tensors) == 0 {
			return nil // a model that starts at random has no files
		}
		if err := g.CheckTensors(shapes(r.Tensors)); err != nil {
			return p.wrong(doing, "%s", said(err.Error()))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if answer.GetError() != "" {
		return nil, fmt.Errorf("architecture %s: %s", r.Family, said(answer.GetError()))
	}
	return g, nil
}

// needsNewer says that a graph has operations which this program does not
// know, and which may well be right.
func needsNewer(g *graph.Graph) bool {
	known := graph.Versions()
	for _, s := range append([]graph.Segment{g.Embed, g.Head}, g.Blocks...) {
		for _, op := range s.Ops {
			if known[op.Kind] == 0 {
				return true
			}
		}
	}
	return false
}

func shapes(tensors []protocol.Tensor) func(string) ([]int, bool) {
	byName := make(map[string][]int, len(tensors))
	for _, t := range tensors {
		byName[t.Name] = t.Shape
	}
	return func(name string) ([]int, bool) {
		shape, ok := byName[name]
		return shape, ok
	}
}
