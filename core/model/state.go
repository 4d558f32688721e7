package model

import (
	"fmt"
	"path/filepath"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

const stateFile = "training_state.safetensors"

func (s *Session) regions() map[string]program.BufferID {
	return map[string]program.BufferID{
		"params": s.Lowered.Params, "first_moment": s.Lowered.FirstMoment,
		"second_moment": s.Lowered.SecondMoment, "optimizer": s.Lowered.Optimizer,
	}
}

// SaveState writes everything that training changed to a file in dir.
func (s *Session) SaveState(dir string) error {
	var sources []safetensors.Source
	for name, id := range s.regions() {
		values, err := s.readFloats(id)
		if err != nil {
			return err
		}
		sources = append(sources, safetensors.FromFloat32s(name, []int{len(values)}, values, dtype.F32))
	}
	return safetensors.Write(filepath.Join(dir, stateFile), sources, nil)
}

// LoadState reads back what SaveState wrote.
func (s *Session) LoadState(dir string) error {
	f, err := safetensors.Open(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}
	defer f.Close()
	for name, id := range s.regions() {
		t, ok := f.Tensor(name)
		want := s.Lowered.Program.Buffers[id].Cols
		if !ok || t.Elements() != want {
			return fmt.Errorf("%s: region %q is missing or has not the %d elements of this run: the adapter's shape changed", f.Path(), name, want)
		}
		values, err := safetensors.Float32s(t)
		if err != nil {
			return err
		}
		if err := s.writeFloats(id, 0, values); err != nil {
			return err
		}
	}
	return nil
}
