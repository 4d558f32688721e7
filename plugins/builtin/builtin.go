// Package builtin serves the plugins that the binary itself brings: the host
// starts the same binary again, whose main then calls Serve.
//
// It is a list and nothing else; begin reading at Plugin.
package builtin

import (
	"github.com/loraedge/loraedge/plugins/architectures/llama"
	"github.com/loraedge/loraedge/plugins/architectures/mistral"
	"github.com/loraedge/loraedge/plugins/architectures/qwen2"
	"github.com/loraedge/loraedge/plugins/datasets"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// Plugin is everything built in.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Architectures: []sdk.Architecture{llama.Architecture, mistral.Architecture, qwen2.Architecture},
		Datasets:      datasets.All(),
	}
}

// Serve answers the host until it hangs up. It prints nothing but the
// handshake; main calls it before anything else could print.
func Serve() { sdk.Serve(Plugin()) }
