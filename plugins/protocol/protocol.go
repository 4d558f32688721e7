package protocol

import (
	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Version of the protocol. It changes only when an old plugin can no longer be
// understood; fields are added without changing it.
const Version = 1

// Limits of messages, in bytes.
const (
	// MaxMessage is the largest message that either side accepts. The graph of
	// a model of 100 layers takes about 1 MiB.
	MaxMessage = 64 << 20
	// MaxBatch is what a batch of records may take before another is begun.
	MaxBatch = 2 << 20
	// MaxRecord is the largest single record that is sent to a plugin.
	MaxRecord = 16 << 20
	// MaxRecords is the largest number of records in a batch.
	MaxRecords = 4096
)

// Names under which the two services are served.
const (
	Architecture = "architecture"
	Dataset      = "dataset"
)

// Handshake keeps a plugin from being run by hand, and other programs'
// plugins from being run as ours.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  Version,
		MagicCookieKey:   "LORAEDGE_PLUGIN",
		MagicCookieValue: "5f8b1c0e-loraedge-plugin",
	}
}

// UnknownField is the name of a message that carries fields which this
// program does not know, because its sender is newer; "" where there is none.
func UnknownField(m proto.Message) string {
	return unknownField(m.ProtoReflect())
}

func unknownField(m protoreflect.Message) string {
	if len(m.GetUnknown()) > 0 {
		return string(m.Descriptor().Name())
	}
	var found string
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := 0; i < v.List().Len() && found == ""; i++ {
				found = unknownField(v.List().Get(i).Message())
			}
		default:
			found = unknownField(v.Message())
		}
		return found == ""
	})
	return found
}
