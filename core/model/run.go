package model

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/program"
)

// Step adds the gradients of a batch's loss Σ weight·CE·InvN, and returns the
// batch's Σ weight·CE.
func (s *Session) Step(b *data.Batch, sc *program.Scalars) (float64, error) {
	return s.runBatch(program.Step, b, sc)
}

// Score returns the batch's Σ weight·CE without touching gradients.
func (s *Session) Score(b *data.Batch, sc *program.Scalars) (float64, error) {
	return s.runBatch(program.Score, b, sc)
}

// StepLayerMajor is Step for all batches of a window in the order of layers.
// The session must be lowered for as many micro batches.
func (s *Session) StepLayerMajor(window []*data.Batch, sc *program.Scalars) (float64, error) {
	entry, err := s.entry(program.Step, len(window[0].IDs), len(window))
	if err != nil {
		return 0, err
	}
	for i, b := range window {
		if err := s.writeBatch(s.io(entry, i), b); err != nil {
			return 0, err
		}
	}
	if err := s.exe.Run(entry, sc); err != nil {
		return 0, err
	}
	var sum float64
	for i, b := range window {
		loss, err := s.loss(s.io(entry, i), b)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum, nil
}

func (s *Session) runBatch(kind program.EntryKind, b *data.Batch, sc *program.Scalars) (float64, error) {
	entry, err := s.entry(kind, len(b.IDs), 1)
	if err != nil {
		return 0, err
	}
	io := s.io(entry, 0)
	if err := s.writeBatch(io, b); err != nil {
		return 0, err
	}
	if err := s.exe.Run(entry, sc); err != nil {
		return 0, err
	}
	return s.loss(io, b)
}

// Update applies the accumulated gradients. It returns the gradient norm
// before clipping; a norm that is not finite changed nothing.
func (s *Session) Update(sc *program.Scalars) (norm float64, err error) {
	entry, err := s.entry(program.Update, 0, 0)
	if err != nil {
		return 0, err
	}
	if err := s.exe.Run(entry, sc); err != nil {
		return 0, err
	}
	state, err := s.readFloats(s.Lowered.Optimizer)
	if err != nil {
		return 0, err
	}
	return float64(state[program.OptNorm]), nil
}

// refresh computes what follows from the trained parameters, where anything does.
func (s *Session) refresh() error {
	for i, e := range s.Lowered.Program.Entries {
		if e.Kind == program.Refresh {
			return s.exe.Run(i, &program.Scalars{})
		}
	}
	return nil
}

func (s *Session) io(entry, micro int) program.IO { return s.Lowered.Program.Entries[entry].IO[micro] }

func (s *Session) entry(kind program.EntryKind, tokens, micros int) (int, error) {
	for i, e := range s.Lowered.Program.Entries {
		if e.Kind == kind && e.Tokens == tokens && e.Micros == micros {
			return i, nil
		}
	}
	return 0, fmt.Errorf("the program has no entry of kind %d for %d tokens in %d micro batches", kind, tokens, micros)
}

func (s *Session) writeBatch(io program.IO, b *data.Batch) error {
	for _, in := range []struct {
		buffer program.BufferID
		values []int32
	}{
		{io.IDs, b.IDs}, {io.Positions, b.Positions}, {io.First, b.First}, {io.Last, b.Last},
		{io.Targets, b.Targets}, {io.Index, b.Index}, {io.Order, b.Order},
	} {
		if in.buffer < 0 {
			continue
		}
		if err := s.writeInts(in.buffer, in.values); err != nil {
			return err
		}
	}
	return s.writeFloats(io.Weights, 0, b.Weights)
}

func (s *Session) writeInts(buffer program.BufferID, values []int32) error {
	buf := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(buf[4*i:], uint32(v))
	}
	return s.exe.Write(buffer, 0, buf)
}

// loss is Σ weight·CE of what the last run wrote.
func (s *Session) loss(io program.IO, b *data.Batch) (float64, error) {
	logProbs, err := s.readFloats(io.LogProbs)
	if err != nil {
		return 0, err
	}
	var sum float64
	for i, lp := range logProbs {
		if b.Targets[i] >= 0 {
			sum -= float64(b.Weights[i]) * float64(lp)
		}
	}
	return sum, nil
}

// Decode appends tokens (at most what the session was lowered for) to a
// context of past tokens and returns the logits after the last one.
func (s *Session) Decode(tokens []int32, past int) ([]float32, error) {
	entry, rows := -1, math.MaxInt
	for i, e := range s.Lowered.Program.Entries {
		if e.Kind == program.Decode && e.Tokens >= len(tokens) && e.Tokens < rows {
			entry, rows = i, e.Tokens
		}
	}
	if entry < 0 {
		return nil, fmt.Errorf("decoding %d tokens at once is more than the program was compiled for", len(tokens))
	}
	ids, positions := make([]int32, rows), make([]int32, rows)
	copy(ids, tokens)
	for i := range positions {
		positions[i] = int32(past + i)
	}
	io := s.io(entry, 0)
	if err := s.writeInts(io.IDs, ids); err != nil {
		return nil, err
	}
	if err := s.writeInts(io.Positions, positions); err != nil {
		return nil, err
	}
	if err := s.exe.Run(entry, &program.Scalars{Adapter: s.adapterOn(), Past: past, Tokens: len(tokens)}); err != nil {
		return nil, err
	}
	vocab := s.base.Graph.Vocab
	buf := make([]byte, 4*vocab)
	if err := s.exe.Read(io.Logits, int64(4*vocab*(len(tokens)-1)), buf); err != nil {
		return nil, err
	}
	logits := make([]float32, vocab)
	for i := range logits {
		logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
	}
	return logits, nil
}

// DropGradients forgets what Step added.
func (s *Session) DropGradients() error {
	b := s.Lowered.Grads
	return s.exe.Write(b, 0, make([]byte, s.Lowered.Program.Buffers[b].Bytes()))
}

// Gradient reads the accumulated gradient of a trained tensor.
func (s *Session) Gradient(name string) ([]float32, error) {
	b := s.Lowered.Program.Buffer("grad." + name)
	if b < 0 {
		return nil, fmt.Errorf("%s is not trained", name)
	}
	return s.readFloats(b)
}
