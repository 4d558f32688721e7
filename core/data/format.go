package data

import (
	"encoding/json"

	"github.com/loraedge/loraedge/core/conversation"
)

// Format brings raw records of the dataset types into conversations; plugins do it.
type Format interface {
	// Types lists the dataset types that there are.
	Types() ([]Type, error)
	// Type is the one of a name.
	Type(name string) (Type, error)
	// Convert returns one Converted a record. columns gives the records' own names of the
	// type's columns where they differ.
	Convert(datasetType string, columns map[string]string, records []json.RawMessage) ([]Converted, error)
}

// Type describes a dataset type.
type Type struct {
	Name    string
	Columns []Column
	// Identity changes when the type's code does; "" where it is this
	// program's own.
	Identity string
}

// Column is a field of a record that a type reads.
type Column struct {
	Name     string
	Required bool
}

// Converted is a record's conversation, or what is wrong with the record.
type Converted struct {
	Conversation conversation.Conversation
	Problem      string
}

// Encoder brings a conversation into tokens; one may become several examples.
// It is called from several goroutines.
type Encoder interface {
	Encode(conversation.Conversation) (Encoded, error)
}

// Encoded is a conversation in tokens.
type Encoded struct {
	Examples []Example
	// Mark is a mark of a chat template, such as an end-of-turn token, that
	// stands in the record's own text; "" for none.
	Mark string
	// Lost says that the examples lack a part of the record's text.
	Lost bool
	// EmptyAnswer says that of an answer only its end is to be learnt.
	EmptyAnswer bool
	// Reversed says that the record begins with an answer and ends with a question.
	Reversed bool
}

// Source is one dataset of the configuration.
type Source struct {
	Name    string   // as the user calls it
	Files   []string // in reading order
	Type    string
	Columns map[string]string // the type's columns to the records' own names
	Limit   int               // records; 0 for all
	Weight  float64           // multiplies the loss of the source's tokens; 0 means 1
}
