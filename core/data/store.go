package data

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"os"
)

// Store keeps tokenised examples in a file; only their offsets are in memory.
// An example is its ids (int32) followed by its weights (float32),
// little-endian.
type Store struct {
	file    *os.File
	w       *bufio.Writer
	offsets []int64 // of each example, and the end
	trained []int32
	hash    hash.Hash
}

// NewStore makes a store in a new temporary file of dir, which Close removes.
func NewStore(dir string) (*Store, error) {
	f, err := os.CreateTemp(dir, ".tokens-*")
	if err != nil {
		return nil, fmt.Errorf("no place for the tokenised data: %w", err)
	}
	return &Store{file: f, w: bufio.NewWriterSize(f, 1<<20), offsets: []int64{0}, hash: sha256.New()}, nil
}

// Add appends an example.
func (s *Store) Add(e Example) error {
	buf := make([]byte, 0, 8*len(e.IDs))
	for _, id := range e.IDs {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
	}
	for _, w := range e.Weights {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(w))
	}
	s.hash.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(e.IDs))))
	s.hash.Write(buf)
	if _, err := s.w.Write(buf); err != nil {
		return fmt.Errorf("writing the tokenised data: %w", err)
	}
	s.offsets = append(s.offsets, s.offsets[len(s.offsets)-1]+int64(len(buf)))
	s.trained = append(s.trained, int32(e.Trained()))
	return nil
}

// Finish makes what was added readable.
func (s *Store) Finish() error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("writing the tokenised data: %w", err)
	}
	return nil
}

// Hash is the SHA-256 of all examples in order, so of data, template and tokenizer together.
func (s *Store) Hash() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// Count is the number of examples.
func (s *Store) Count() int { return len(s.trained) }

// Len is the number of tokens of example i.
func (s *Store) Len(i int) int { return int(s.offsets[i+1]-s.offsets[i]) / 8 }

// Trained is the number of tokens of example i that carry loss.
func (s *Store) Trained(i int) int { return int(s.trained[i]) }

// Example reads example i.
func (s *Store) Example(i int) (Example, error) {
	n := s.Len(i)
	buf := make([]byte, 8*n)
	if _, err := s.file.ReadAt(buf, s.offsets[i]); err != nil {
		return Example{}, fmt.Errorf("reading the tokenised data back: %w", err)
	}
	e := Example{IDs: make([]int32, n), Weights: make([]float32, n)}
	for k := range n {
		e.IDs[k] = int32(binary.LittleEndian.Uint32(buf[4*k:]))
		e.Weights[k] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*(n+k):]))
	}
	return e, nil
}

// Close removes the file.
func (s *Store) Close() error {
	s.file.Close()
	return os.Remove(s.file.Name())
}
