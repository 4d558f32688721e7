package vulkan

import (
	"errors"
	"fmt"

	"github.com/loraedge/loraedge/backends/internal/system"
	"github.com/loraedge/loraedge/core/program"
)

// errHostMemory says that the host has too little memory for what waits there.
var errHostMemory = errors.New("too little memory of the host")

// hostMemory is how much the host can give; 0 is unknown.
var hostMemory = system.AvailableMemory

// checkHostMemory refuses a program whose streamed weights and parked activations
// would push the host into swapping: what copies read and write is locked there.
func checkHostMemory(p *program.Program) error {
	var need int64
	for _, b := range p.Blocks {
		if b.Class.OfHost() {
			need += b.Size
		}
	}
	free := hostMemory()
	if need == 0 || free == 0 || need <= free {
		return nil
	}
	const gib = 1 << 30
	return fmt.Errorf("%w: %.2f GiB of weights and activations are to wait there, and %.2f GiB are free; close other programs, raise [device] memory if the device has more, "+
		"hold the base model in 4 bits (kind = \"qlora\"), or lower sequence_len or micro_batch_size", errHostMemory, float64(need)/gib, float64(free)/gib)
}
