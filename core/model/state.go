package model

import (
	"fmt"
	"path/filepath"

	"github.com/loraedge/loraedge/formats/safetensors"
)

const stateFile = "training_state.safetensors"

// SaveState writes everything that training changed to a file in dir.
func (s *Session) SaveState(dir string) error {
	var sources []safetensors.Source
	for _, r := range s.Lowered.State {
		b := s.Lowered.Program.Buffers[r.Buffer]
		data := make([]byte, b.Bytes())
		if err := s.exe.Read(r.Buffer, 0, data); err != nil {
			return err
		}
		sources = append(sources, safetensors.Source{Name: r.Name, DType: b.DType, Shape: []int{b.Rows * b.Cols}, Data: data})
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
	for _, r := range s.Lowered.State {
		t, ok := f.Tensor(r.Name)
		b := s.Lowered.Program.Buffers[r.Buffer]
		if want := b.Rows * b.Cols; !ok || t.DType != b.DType || t.Elements() != want {
			return fmt.Errorf("%s: region %q is missing or has not the %d elements of %s of this run: the adapter's shape or the optimizer changed", f.Path(), r.Name, want, b.DType)
		}
		if err := s.exe.Write(r.Buffer, 0, t.Data); err != nil {
			return err
		}
	}
	return s.refresh()
}
