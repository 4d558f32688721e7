// Package datasets holds the built-in dataset types: alpaca, sharegpt,
// messages, completion, prompt, preference and kto, each in a file of its own.
//
// They see records, never files, and know no chat template. Begin reading at
// All, then alpaca.go; turns.go is what the types with turns share.
package datasets

import "github.com/loraedge/loraedge/plugins/sdk"

// All are the built-in dataset types.
func All() []sdk.Dataset {
	return []sdk.Dataset{Alpaca{}, ShareGPT{}, Messages{}, Completion{}, Prompt{}, Preference{}, KTO{}}
}
