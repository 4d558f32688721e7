package sdk

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

type architectureServer struct {
	pb.UnimplementedArchitectureServer
	families []Architecture
}

func (s *architectureServer) Describe(context.Context, *pb.DescribeRequest) (*pb.ArchitectureDescription, error) {
	var all []Family
	for _, a := range s.families {
		all = append(all, a.Describe())
	}
	return &pb.ArchitectureDescription{ProtocolVersion: protocol.Version, Families: protocol.FamiliesToWire(all)}, nil
}

func (s *architectureServer) Build(_ context.Context, w *pb.BuildRequest) (answer *pb.BuildResponse, err error) {
	defer recovered(&err)
	for _, a := range s.families {
		if a.Describe().Name != w.GetFamily() {
			continue
		}
		g, err := BuildChecked(a, protocol.RequestFromWire(w))
		if err != nil {
			return &pb.BuildResponse{Error: protocol.Text(err.Error())}, nil
		}
		return &pb.BuildResponse{Graph: protocol.GraphToWire(g)}, nil
	}
	return nil, status.Errorf(codes.NotFound, "there is no family %q", w.GetFamily())
}

// BuildChecked builds a graph and checks it, as Serve does before it answers.
// Tests of an architecture call it.
func BuildChecked(a Architecture, r Request) (*graph.Graph, error) {
	g, err := a.Build(r)
	if err != nil {
		return nil, err
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	if len(r.Tensors) == 0 {
		return g, nil // a model that starts at random has no files
	}
	shapes := make(map[string][]int, len(r.Tensors))
	for _, t := range r.Tensors {
		shapes[t.Name] = t.Shape
	}
	err = g.CheckTensors(func(name string) ([]int, bool) {
		shape, ok := shapes[name]
		return shape, ok
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

type datasetServer struct {
	pb.UnimplementedDatasetServer
	types []Dataset
}

func (s *datasetServer) Describe(context.Context, *pb.DescribeRequest) (*pb.DatasetDescription, error) {
	var all []DatasetType
	for _, d := range s.types {
		all = append(all, d.Describe())
	}
	return &pb.DatasetDescription{ProtocolVersion: protocol.Version, Types: protocol.TypesToWire(all)}, nil
}

func (s *datasetServer) Convert(_ context.Context, w *pb.ConvertRequest) (*pb.ConvertResponse, error) {
	for _, d := range s.types {
		if d.Describe().Name == w.GetType() {
			return convertAll(d, w.GetRecords(), w.GetMapping())
		}
	}
	return nil, status.Errorf(codes.NotFound, "there is no dataset type %q", w.GetType())
}

// convertAll converts records on all processors: the host sends one batch at a time.
func convertAll(d Dataset, records [][]byte, mapping map[string]string) (*pb.ConvertResponse, error) {
	results := make([]*pb.Result, len(records))
	errs := make([]error, min(runtime.GOMAXPROCS(0), len(records)))
	var next atomic.Int64
	var wg sync.WaitGroup
	for worker := range errs {
		wg.Go(func() {
			defer recovered(&errs[worker])
			for i := int(next.Add(1) - 1); i < len(records); i = int(next.Add(1) - 1) {
				results[i] = protocol.ResultToWire(ConvertRecord(d, records[i], mapping))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &pb.ConvertResponse{Results: results}, nil
}

// ConvertRecord converts one record, as Serve does. Tests of a dataset call it.
func ConvertRecord(d Dataset, raw []byte, mapping map[string]string) protocol.Result {
	record, err := NewRecord(raw, mapping)
	if err != nil {
		return protocol.Result{Error: err.Error()}
	}
	c, err := d.Convert(record)
	if err != nil {
		return protocol.Result{Error: err.Error()}
	}
	return protocol.Result{Conversation: c}
}

// recovered turns a panic of a plugin's own code into an error of the call,
// with the place, so that the host need not start the plugin again.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = status.Error(codes.Internal, protocol.Text(fmt.Sprintf("the plugin panicked: %v\n%s", p, debug.Stack())))
	}
}
