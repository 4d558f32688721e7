package sdk

import (
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol"
)

// Plugin is everything that one executable offers. An executable with
// Architectures is named loraedge-arch-NAME, one with Datasets
// loraedge-data-NAME.
type Plugin struct {
	Architectures []Architecture
	Datasets      []Dataset
}

// Family describes an architecture plugin: its name, its version, and what
// config.json says of the models it can build.
type Family = protocol.Family

// Request is what an architecture plugin sees of a model.
type Request = protocol.Request

// Tensor is a tensor of the model's files: name, shape, data type.
type Tensor = protocol.Tensor

// Architecture builds the graphs of a family of models.
type Architecture interface {
	Describe() Family
	// Build returns the model's graph. An error is shown to the user as it
	// is: say which key or tensor, what was found, and what was wanted. The
	// graph is checked after Build returns, against the request's tensors
	// too, so Build need not.
	Build(Request) (*graph.Graph, error)
}

// DatasetType describes a format of records.
type DatasetType = protocol.DatasetType

// Column is a field of a record that a dataset type reads.
type Column = protocol.Column

// Dataset converts records of one format.
type Dataset interface {
	Describe() DatasetType
	// Convert returns the record as a conversation. An error is about this
	// record alone and is shown to the user as it is. It is called from
	// several goroutines.
	Convert(Record) (conversation.Conversation, error)
}
