package vulkan

import (
	"errors"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// fated is an error of the device layer that the core has a name for.
type fated struct {
	error
	name error
}

func (f fated) Unwrap() []error { return []error{f.name, f.error} }

// fate gives an error the name that backends has for what happened to the device.
func fate(err error) error {
	switch {
	case errors.Is(err, vk.ErrLost):
		return fated{err, backends.ErrLost}
	case errors.Is(err, vk.ErrOutOfMemory):
		return fated{err, backends.ErrOutOfMemory}
	}
	return err
}
