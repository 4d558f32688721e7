package data

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math"
	"os"

	"github.com/edsrzf/mmap-go"
)

// Store keeps tokenised examples in a token file (tokenfile.go), which is
// mapped into memory once it is finished: its pages come and go as the system has room.
type Store struct {
	file      *os.File
	path      string
	temporary bool // Close removes the file

	// While it is written.
	w     *bufio.Writer
	at    int64
	index []byte
	hash  hash.Hash
	top   int32

	// Once it is finished.
	m       mmap.MMap
	entries []byte // of m
	meta    fileMeta
}

// unfinished begins the names of files that are being written.
const unfinished = ".tokens-"

// errStore is of a place where tokens cannot be written.
type errStore struct{ err error }

func (e errStore) Error() string { return "writing the tokenised data: " + e.err.Error() }
func (e errStore) Unwrap() error { return e.err }

// NewStore makes a store in a new temporary file of dir, which Close removes.
func NewStore(dir string) (*Store, error) {
	f, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return nil, fmt.Errorf("no place for the tokenised data: %w", err)
	}
	s := &Store{file: f, path: f.Name(), temporary: true, w: bufio.NewWriterSize(f, 1<<20), hash: sha256.New()}
	if err := s.write([]byte(fileMagic)); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) write(b []byte) error {
	if _, err := s.w.Write(b); err != nil {
		return errStore{err}
	}
	s.at += int64(len(b))
	return nil
}

// Add appends an example.
func (s *Store) Add(e Example) error { return s.add(newBlock(e)) }

func (s *Store) add(b block) error {
	s.index = b.entry(s.index, s.at)
	s.hash.Write(b.sum[:])
	s.top = max(s.top, b.top)
	return s.write(b.bytes)
}

// Finish makes what was added readable.
func (s *Store) Finish() error {
	s.meta.Hash, s.meta.Top = hex.EncodeToString(s.hash.Sum(nil)), s.top
	meta, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	end := footer{index: s.at, count: len(s.index) / entryBytes, meta: len(meta)}
	sum := sha256.New()
	sum.Write(s.index)
	sum.Write(meta)
	sum.Sum(end.sum[:0])
	for _, part := range [][]byte{s.index, meta, end.bytes()} {
		if err := s.write(part); err != nil {
			return err
		}
	}
	s.index = nil
	if err := s.w.Flush(); err != nil {
		return errStore{err}
	}
	s.w = nil
	return s.load()
}

// load maps the finished file.
func (s *Store) load() error {
	m, err := mmap.Map(s.file, mmap.RDONLY, 0)
	if err != nil {
		return fmt.Errorf("reading the tokenised data back: %w", err)
	}
	s.m = m
	s.entries, s.meta, err = readFooter(m)
	return err
}

// OpenStore opens a finished token file, which stays where it is.
func OpenStore(path string) (*Store, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Store{file: f, path: path}
	if err := s.load(); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Keep gives a finished temporary store its lasting name; it is whole when it
// appears there. Where that fails the store goes on as a temporary one.
func (s *Store) Keep(path string) error {
	if err := s.file.Sync(); err != nil {
		return err
	}
	// Not every system renames a file that is open.
	s.unload()
	renamed := os.Rename(s.path, path)
	if renamed == nil {
		s.temporary, s.path = false, path
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	s.file = f
	if err := s.load(); err != nil {
		return err
	}
	return renamed
}

// unload closes the file.
func (s *Store) unload() error {
	if s.m != nil {
		s.m.Unmap()
		s.m, s.entries = nil, nil
	}
	return s.file.Close()
}

// Path is where the token file is.
func (s *Store) Path() string { return s.path }

// Hash is the SHA-256 of all examples in order, so of data, template and tokenizer together.
func (s *Store) Hash() string { return s.meta.Hash }

// Counts are what was counted while the examples were made.
func (s *Store) Counts() Counts { return s.meta.Counts }

// Count is the number of examples.
func (s *Store) Count() int { return len(s.entries) / entryBytes }

// Len is the number of tokens of example i.
func (s *Store) Len(i int) int { return s.entry(i).tokens }

// Trained is the number of tokens of example i that carry loss.
func (s *Store) Trained(i int) int { return s.entry(i).trained }

// Source is the number of the source from which example i comes, from 0.
func (s *Store) Source(i int) int { return s.entry(i).source }

func (s *Store) entry(i int) entry { return readEntry(s.entries[i*entryBytes:]) }

var errDamaged = errors.New("the file of tokenised data is damaged: remove it, it is made again")

// Example reads example i.
func (s *Store) Example(i int) (Example, error) {
	at := s.entry(i)
	end := at.offset + 4*int64(at.tokens) + runBytes*int64(at.runs)
	if at.offset < int64(len(fileMagic)) || end > int64(len(s.m)) || at.kind > Undesirable {
		return Example{}, fmt.Errorf("%s: %w", s.path, errDamaged)
	}
	b := s.m[at.offset:end]
	e := Example{IDs: make([]int32, at.tokens), Weights: make([]float32, at.tokens), Kind: at.kind}
	for k := range e.IDs {
		id := int32(binary.LittleEndian.Uint32(b[4*k:]))
		if id < 0 || id > s.meta.Top {
			return Example{}, fmt.Errorf("%s: %w", s.path, errDamaged)
		}
		e.IDs[k] = id
	}
	k := 0
	for runs := b[4*at.tokens:]; len(runs) > 0; runs = runs[runBytes:] {
		n, w := int(binary.LittleEndian.Uint32(runs)), math.Float32frombits(binary.LittleEndian.Uint32(runs[4:]))
		if n > at.tokens-k {
			return Example{}, fmt.Errorf("%s: %w", s.path, errDamaged)
		}
		for ; n > 0; n-- {
			e.Weights[k] = w
			k++
		}
	}
	return e, nil
}

// Close lets go of the file, and removes it where it is a temporary one.
func (s *Store) Close() error {
	err := s.unload()
	if s.temporary {
		err = os.Remove(s.path)
	}
	return err
}
