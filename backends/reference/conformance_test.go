package reference_test

import (
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
)

// In float32 the reference passes its own suite.
func TestConformance(t *testing.T) {
	bt.Run(t, func(*testing.T) backends.Backend { return reference.New[float32]() }, bt.Options{})
}
