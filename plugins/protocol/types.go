package protocol

import (
	"math"
	"strings"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// Family is a family of models that an architecture plugin can build.
type Family struct {
	Name    string
	Version string
	// ModelTypes are the values of config.json's "model_type" that it handles.
	ModelTypes []string
	// Architectures are the values of config.json's "architectures".
	Architectures []string
}

// Request asks an architecture plugin for a graph.
type Request struct {
	// Family is the name of the family that is to build.
	Family string
	// Config is the content of config.json.
	Config []byte
	// Tensors are those of the model's files, without their content.
	Tensors []Tensor
	// SequenceLen is the longest document that will be trained on, in tokens.
	SequenceLen int
}

// Tensor is a tensor in the model's files.
type Tensor struct {
	Name  string
	Shape []int
	DType string
}

// DatasetType is a format of records that a dataset plugin can convert.
type DatasetType struct {
	Name    string
	Version string
	// Description says what a record looks like, in a sentence.
	Description string
	Columns     []Column
}

// Column is a field of a record that a dataset type reads.
type Column struct {
	Name        string
	Required    bool
	Description string
}

// FamiliesToWire converts the description of an architecture plugin.
func FamiliesToWire(families []Family) []*pb.Family {
	var out []*pb.Family
	for _, f := range families {
		out = append(out, &pb.Family{
			Name: f.Name, Version: f.Version, ModelTypes: f.ModelTypes, Architectures: f.Architectures,
		})
	}
	return out
}

// FamiliesFromWire is the reverse of FamiliesToWire.
func FamiliesFromWire(families []*pb.Family) []Family {
	var out []Family
	for _, f := range families {
		out = append(out, Family{
			Name: f.GetName(), Version: f.GetVersion(), ModelTypes: f.GetModelTypes(), Architectures: f.GetArchitectures(),
		})
	}
	return out
}

// TypesToWire converts the description of a dataset plugin.
func TypesToWire(types []DatasetType) []*pb.DatasetType {
	var out []*pb.DatasetType
	for _, t := range types {
		w := &pb.DatasetType{Name: t.Name, Version: t.Version, Description: t.Description}
		for _, c := range t.Columns {
			w.Columns = append(w.Columns, &pb.Column{Name: c.Name, Required: c.Required, Description: c.Description})
		}
		out = append(out, w)
	}
	return out
}

// TypesFromWire is the reverse of TypesToWire.
func TypesFromWire(types []*pb.DatasetType) []DatasetType {
	var out []DatasetType
	for _, w := range types {
		t := DatasetType{Name: w.GetName(), Version: w.GetVersion(), Description: w.GetDescription()}
		for _, c := range w.GetColumns() {
			t.Columns = append(t.Columns, Column{Name: c.GetName(), Required: c.GetRequired(), Description: c.GetDescription()})
		}
		out = append(out, t)
	}
	return out
}

// RequestToWire converts a request for a graph.
func RequestToWire(r Request) *pb.BuildRequest {
	w := &pb.BuildRequest{Family: r.Family, Config: r.Config, SequenceLen: uint64(max(0, r.SequenceLen))}
	for _, t := range r.Tensors {
		wire := &pb.Tensor{Name: Text(t.Name), Dtype: Text(t.DType)}
		for _, d := range t.Shape {
			wire.Shape = append(wire.Shape, uint64(max(0, d)))
		}
		w.Tensors = append(w.Tensors, wire)
	}
	return w
}

// RequestFromWire is the reverse of RequestToWire.
func RequestFromWire(w *pb.BuildRequest) Request {
	r := Request{Family: w.GetFamily(), Config: w.GetConfig(), SequenceLen: unsigned(w.GetSequenceLen())}
	for _, t := range w.GetTensors() {
		tensor := Tensor{Name: t.GetName(), DType: t.GetDtype()}
		for _, d := range t.GetShape() {
			tensor.Shape = append(tensor.Shape, unsigned(d))
		}
		r.Tensors = append(r.Tensors, tensor)
	}
	return r
}

// OpsToWire lists the host's operations with their versions.
func OpsToWire(versions map[graph.Kind]int) []*pb.OpVersion {
	var out []*pb.OpVersion
	for kind, v := range versions {
		out = append(out, &pb.OpVersion{Kind: string(kind), Version: uint32(v)})
	}
	return out
}

// Text makes text fit for the wire, which refuses anything but UTF-8.
func Text(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

func unsigned(v uint64) int { return signed(int64(min(v, math.MaxInt64))) }

// signed is a wire integer as an int, at its bound where it does not fit: the
// graph's own check then refuses it.
func signed(v int64) int {
	return int(max(math.MinInt, min(math.MaxInt, v)))
}
