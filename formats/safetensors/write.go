package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"unicode/utf8"

	upstream "github.com/nlpodyssey/safetensors"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/internal/atomicfile"
)

// Source is a tensor to be written. Its bytes come from Data or, when Stream is
// set, from Stream, which must write exactly the bytes of Shape and DType.
type Source struct {
	Name   string
	DType  dtype.DType
	Shape  []int
	Data   []byte
	Stream io.WriterTo
}

// FromTensor is a Source that writes the bytes of a tensor as they are.
func FromTensor(t Tensor) Source {
	return Source{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: t.Data}
}

// FromFloat32s is a Source that converts values to d, F32, F16 or BF16, a part
// at a time while it is written.
func FromFloat32s(name string, shape []int, values []float32, d dtype.DType) Source {
	return Source{Name: name, DType: d, Shape: shape, Stream: floats{values, d}}
}

// Bytes is the number of bytes of the tensor's data; an error where shape and
// type give none.
func (s Source) Bytes() (int64, error) {
	n, ok := byteSize(s.Shape, s.DType)
	if !ok || !s.DType.Valid() {
		return 0, fmt.Errorf("tensor %q: no such tensor can be: shape %v of %s", s.Name, s.Shape, s.DType)
	}
	return n, nil
}

// Write creates or replaces the file at path, atomically. Equal tensors and
// metadata give equal bytes, whatever their order: wider types come first, then
// names in order, as in files of the reference implementation. The metadata
// gets format=pt, which Transformers asks for, unless it has a format.
func Write(path string, tensors []Source, metadata map[string]string) error {
	head, order, err := layout(tensors, metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		for _, s := range order {
			if err := s.writeTo(w); err != nil {
				return fmt.Errorf("tensor %q: %w", s.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// layout gives the bytes up to the first tensor and the order of the tensors'
// data. The upstream library decides both: it is given tensors without bytes,
// so that it writes a header only.
func layout(tensors []Source, metadata map[string]string) (head []byte, order []Source, err error) {
	views := make(map[string]emptyView, len(tensors))
	byName := make(map[string]Source, len(tensors))
	var total int64
	for _, s := range tensors {
		if _, twice := byName[s.Name]; twice {
			return nil, nil, fmt.Errorf("tensor %q is to be written twice", s.Name)
		}
		v, err := newView(s)
		if err != nil {
			return nil, nil, err
		}
		byName[s.Name], views[s.Name] = s, v
		total += int64(v.bytes)
	}
	all := map[string]string{"format": "pt"}
	maps.Copy(all, metadata)
	var b bytes.Buffer
	if err := upstream.SerializeToWriter(views, all, &b); err != nil {
		return nil, nil, err
	}
	head = b.Bytes()
	n, err := headerLength(head, int64(len(head)))
	if err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(head[lengthBytes:lengthBytes+n], total)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range h.entries {
		order = append(order, byName[e.name])
	}
	return head, order, nil
}

// emptyView is a tensor for the upstream library, with a length and no bytes.
type emptyView struct {
	dtype upstream.DType
	shape []uint64
	bytes uint64
}

func (v emptyView) DType() upstream.DType { return v.dtype }
func (v emptyView) Shape() []uint64       { return v.shape }
func (v emptyView) Data() []byte          { return nil }
func (v emptyView) DataLen() uint64       { return v.bytes }

func newView(s Source) (emptyView, error) {
	if s.Name == "" || s.Name == metadataName || !utf8.ValidString(s.Name) {
		return emptyView{}, fmt.Errorf("a tensor cannot be named %q", s.Name)
	}
	n, err := s.Bytes()
	if err != nil {
		return emptyView{}, err
	}
	if s.Stream == nil && int64(len(s.Data)) != n {
		return emptyView{}, fmt.Errorf("tensor %q: shape %v of %s takes %d bytes, but there are %d", s.Name, s.Shape, s.DType, n, len(s.Data))
	}
	d, err := upstream.ParseDType(s.DType.String())
	if err != nil {
		return emptyView{}, fmt.Errorf("tensor %q: tensors of type %s cannot be written", s.Name, s.DType)
	}
	v := emptyView{dtype: d, shape: make([]uint64, len(s.Shape)), bytes: uint64(n)}
	for i, dim := range s.Shape {
		v.shape[i] = uint64(dim)
	}
	return v, nil
}

func (s Source) writeTo(w io.Writer) error {
	if s.Stream == nil {
		_, err := w.Write(s.Data)
		return err
	}
	want, err := s.Bytes()
	if err != nil {
		return err
	}
	limited := &limitedWriter{w: w, left: want}
	if _, err := s.Stream.WriteTo(limited); err != nil {
		return err
	}
	if limited.left != 0 {
		return fmt.Errorf("its source wrote %d bytes of %d", want-limited.left, want)
	}
	return nil
}

var errTooMany = errors.New("its source wrote more bytes than its shape has")

type limitedWriter struct {
	w    io.Writer
	left int64
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, errTooMany
	}
	n, err := l.w.Write(p)
	l.left -= int64(n)
	return n, err
}

// floats writes values as elements of type d.
type floats struct {
	values []float32
	d      dtype.DType
}

func (f floats) WriteTo(w io.Writer) (int64, error) {
	const chunk = 1 << 14
	buffer := make([]byte, min(chunk, len(f.values))*f.d.Size())
	var written int64
	for rest := f.values; len(rest) > 0; {
		n := min(chunk, len(rest))
		part := buffer[:n*f.d.Size()]
		if err := dtype.FromFloat32(part, rest[:n], f.d); err != nil {
			return written, err
		}
		k, err := w.Write(part)
		written += int64(k)
		if err != nil {
			return written, err
		}
		rest = rest[n:]
	}
	return written, nil
}
