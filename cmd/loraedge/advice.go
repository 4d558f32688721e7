package main

import (
	"errors"

	"github.com/loraedge/loraedge/backends"
)

// advice is what to do after something happened to the device or the disk, "" for other errors.
func advice(err error) string {
	switch {
	case errors.Is(err, backends.ErrLost):
		return "What was on the device is gone. Start the run again with --resume, which goes on from its last checkpoint. If it happens again: " +
			"another program may use the device too much, a newer driver may help, and [device] backend = \"cpu\" does without it."
	case errors.Is(err, backends.ErrOutOfMemory):
		return "Close what else uses the device, or let less lie there: [device] memory = \"4GiB\" (or another size) keeps the plan below it, " +
			"and train.micro_batch_size or data.sequence_len may be lower."
	case errors.Is(err, errDiskFull):
		return "Make room on that disk, or lower train.save_total_limit; then start the run again with --resume, which goes on from its last checkpoint."
	}
	return ""
}
