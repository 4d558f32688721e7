package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/edsrzf/mmap-go"

	"github.com/loraedge/loraedge/formats/dtype"
)

// Tensor is one tensor of a file. Data lies in the file's mapping: it is read
// only, and reading it after the file was closed, or was cut short by another
// program, stops the process.
type Tensor struct {
	Name     string
	DType    dtype.DType // Invalid where only TypeName is known
	TypeName string      // as written in the header, such as "BF16" or "F4"
	Shape    []int       // empty for a scalar
	Data     []byte      // the elements, little-endian, last dimension fastest
	Offset   int64       // where Data begins, in bytes from the start of the file
	Path     string      // the file
}

// Elements is the number of elements: the product of the shape.
func (t Tensor) Elements() int {
	if t.DType.Size() == 0 {
		return 0
	}
	return len(t.Data) / t.DType.Size()
}

// File is an open safetensors file. Its methods may be called from several
// goroutines, Close excepted.
type File struct {
	path     string
	file     *os.File
	mapping  mmap.MMap
	names    []string // sorted
	tensors  map[string]Tensor
	metadata map[string]string
}

// Open maps the file at path and checks its header. Errors name the file and,
// where there is one, the tensor at fault.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	opened, err := open(path, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return opened, nil
}

func open(path string, f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is not a file of weights but a folder or a device")
	}
	if info.Size() > math.MaxInt {
		return nil, fmt.Errorf("%d bytes are more than this machine can address", info.Size())
	}
	if info.Size() == 0 { // which cannot be mapped
		return nil, fmt.Errorf("the file is empty: %s", damaged)
	}
	mapping, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("mapping it into memory: %w", err)
	}
	opened, err := fromMapping(path, mapping)
	if err != nil {
		return nil, errors.Join(err, mapping.Unmap())
	}
	opened.file, opened.mapping = f, mapping
	return opened, nil
}

// fromMapping checks the bytes of a whole file and lists its tensors.
func fromMapping(path string, all []byte) (*File, error) {
	n, err := headerLength(all, int64(len(all)))
	if err != nil {
		return nil, err
	}
	text, data := all[lengthBytes:lengthBytes+n], all[lengthBytes+n:]
	h, err := parseHeader(text, int64(len(data)))
	if err != nil {
		return nil, err
	}
	f := &File{path: path, metadata: h.metadata, tensors: make(map[string]Tensor, len(h.entries))}
	for _, e := range h.entries {
		f.tensors[e.name] = Tensor{
			Name: e.name, DType: e.dtype, TypeName: e.typeName, Shape: e.shape,
			Data: data[e.begin:e.end:e.end], Offset: int64(lengthBytes+n) + e.begin, Path: path,
		}
	}
	f.names = slices.Sorted(maps.Keys(f.tensors))
	return f, nil
}

// Path is the path that the file was opened by.
func (f *File) Path() string { return f.path }

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Tensor finds a tensor by its name.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Release lets go of the memory that reading a tensor has taken; the tensor can
// be read again.
func (f *File) Release(name string) error {
	t, ok := f.tensors[name]
	if !ok || f.file == nil || len(t.Data) == 0 {
		return nil
	}
	return release(t.Data)
}

// Metadata is a copy of the header's free strings, such as format=pt.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Close removes the mapping. No tensor of the file may be used afterwards.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.mapping.Unmap(), f.file.Close())
	f.file = nil
	return err
}
