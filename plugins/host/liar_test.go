package host_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// liar is a plugin made without the SDK, which would not let it lie; what it
// lies about is its name.
type liar struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedArchitectureServer
	name string
}

// liarData is the liar's other service.
type liarData struct {
	pb.UnimplementedDatasetServer
	name string
}

func isLiar(name string) bool { return strings.HasPrefix(name, "lies-") }

func serveLiar(name string) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: protocol.Handshake(),
		Plugins:         plugin.PluginSet{"liar": &liar{name: name}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}

func (l *liar) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if l.name != "lies-nothing" {
		pb.RegisterArchitectureServer(s, l)
		pb.RegisterDatasetServer(s, &liarData{name: l.name})
	}
	return nil
}

func (l *liar) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (l *liar) Describe(context.Context, *pb.DescribeRequest) (*pb.ArchitectureDescription, error) {
	d := &pb.ArchitectureDescription{
		ProtocolVersion: protocol.Version,
		Families:        []*pb.Family{{Name: l.name, ModelTypes: []string{l.name}}},
	}
	switch l.name {
	case "lies-version":
		d.ProtocolVersion = 2
	case "lies-terminal":
		d.Families[0].ModelTypes = []string{"\x1b[2J"}
	}
	return d, nil
}

// unknownField is field 1000 of a message, which nobody knows.
func unknownField() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7)
}

func (l *liar) Build(context.Context, *pb.BuildRequest) (*pb.BuildResponse, error) {
	g := protocol.GraphToWire(tiny(l.name))
	switch l.name {
	case "lies-field":
		g.Blocks[0].Ops[0].ProtoReflect().SetUnknown(unknownField())
	case "lies-op":
		g.Blocks[0].Ops[0].Kind = "mixture_of_experts"
	case "lies-shape":
		g.Params[1].Shape = []int64{1 << 62, 4}
	case "lies-tensor":
		g.Params[1].Tensor = "layers.9.weight"
	case "lies-empty":
		return &pb.BuildResponse{}, nil
	case "lies-huge":
		return &pb.BuildResponse{Error: strings.Repeat("x", 65<<20)}, nil
	}
	return &pb.BuildResponse{Graph: g}, nil
}

func (l *liarData) Describe(context.Context, *pb.DescribeRequest) (*pb.DatasetDescription, error) {
	return &pb.DatasetDescription{ProtocolVersion: protocol.Version, Types: []*pb.DatasetType{{Name: l.name}}}, nil
}

func (l *liarData) Convert(_ context.Context, r *pb.ConvertRequest) (*pb.ConvertResponse, error) {
	answer := &pb.ConvertResponse{}
	for range r.GetRecords()[1:] {
		answer.Results = append(answer.Results, &pb.Result{Error: "no"})
	}
	if l.name == "lies-both" {
		answer.Results = append(answer.Results, &pb.Result{Error: "no", Conversation: &pb.Conversation{Text: "yes"}})
	}
	return answer, nil
}

func TestPluginsThatLieWhenAsked(t *testing.T) {
	for name, want := range map[string]string{
		"lies-version":  "it speaks version 2 of the plugin protocol, want 1\nget a version of the plugin made for this version",
		"lies-terminal": `handles a model_type "[2J", want a printable name`,
		"lies-nothing":  "it offers no architecture and no dataset type",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newHost(t, host.Options{}, "arch-"+name).Architecture(t.Context(), name)
			wantError(t, err, "plugin "+name+" (", want)
		})
	}
}

func TestPluginsThatLieAboutGraphs(t *testing.T) {
	for name, want := range map[string]string{
		"lies-field":  "its Op has a field that this version of loraedge does not know\nget a newer loraedge, or an older version of the plugin",
		"lies-op":     "block 0, operation 0 (mixture_of_experts layers.0.proj): this operation is unknown here; known are add, attention, embedding, gated, linear, rms_norm, rope\nget a newer loraedge",
		"lies-shape":  "parameter layers.0.proj.weight: shape [4611686018427387904 4], want sizes of 1 to",
		"lies-tensor": "tensor layers.9.weight: not in the model's files",
		"lies-empty":  "it answered with neither a graph nor an error",
		"lies-huge":   "its answer is larger than 64 MiB",
	} {
		t.Run(name, func(t *testing.T) {
			a, err := newHost(t, host.Options{}, "arch-"+name).Architecture(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Build(t.Context(), protocol.Request{Tensors: tinyTensors()})
			wantError(t, err, "plugin "+name+" (", "building a graph of family "+name, want)
		})
	}
}

func TestPluginsThatLieAboutRecords(t *testing.T) {
	for name, want := range map[string]string{
		"lies-count": "it answered with 2 results, want one for each of 3 records",
		"lies-both":  "result 2 has not exactly one of a conversation and an error",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := newHost(t, host.Options{}, "data-"+name).Dataset(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Convert(t.Context(), [][]byte{[]byte("{}"), []byte("{}"), []byte("{}")}, nil)
			wantError(t, err, "plugin "+name+" (", "converting 3 records of type "+name, want)
		})
	}
}
