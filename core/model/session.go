package model

import (
	"fmt"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/lower"
)

// Session is a base model on a device, ready to run.
type Session struct {
	Lowered *lower.Model
	base    *Base
	exe     backends.Executable
	// BaseOnly makes Decode run the base model without its adapter.
	BaseOnly bool
	// starts are the beginnings of adapters that were taken out of the weights
	// (PiSSA), by module; nil where none were.
	starts map[string]start
}

func (s *Session) adapterOn() float32 {
	if s.BaseOnly {
		return 0
	}
	return 1
}

// Start lowers the model, allocates its memory on the device and loads the
// weights; progress (optional) hears of parameters loaded. A new adapter is
// initialised from seed.
func (b *Base) Start(device backends.Backend, o lower.Options, seed uint64, progress func(done, total int64) error) (*Session, error) {
	d := device.Describe()
	o.MaxBlock, o.MaxBuffer = d.MaxBlockBytes, d.MaxBufferBytes
	lowered, err := lower.Lower(b.Graph, o)
	if err != nil {
		return nil, fmt.Errorf("planning the memory: %w", err)
	}
	exe, err := device.Compile(lowered.Program)
	if err != nil {
		return nil, err
	}
	s := &Session{Lowered: lowered, base: b, exe: exe}
	if err := s.load(seed, progress); err != nil {
		exe.Close()
		return nil, err
	}
	if err := s.initAdapter(seed); err != nil {
		exe.Close()
		return nil, err
	}
	return s, nil
}

// Base is the model that the session runs.
func (s *Session) Base() *Base { return s.base }

// Allocated is the memory asked of the device, in bytes.
func (s *Session) Allocated() int64 { return s.exe.Allocated() }

// Close frees the device's memory.
func (s *Session) Close() error { return s.exe.Close() }
