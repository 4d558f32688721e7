package model

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// chunkElements bounds the float32 copy of a tensor while it is loaded.
const chunkElements = 4 << 20

// load fills the weights from the files, or at random.
func (s *Session) load(seed uint64, progress func(done, total int64) error) error {
	for _, c := range s.Lowered.Consts {
		if err := s.writeFloats(c.Buffer, 0, c.Data); err != nil {
			return err
		}
	}
	var total int64
	for _, p := range s.base.Graph.Params {
		total += elements(p.Shape)
	}
	norms := normOffsets(s.base.Graph)
	return s.eachParam(total, progress, func(i int, p graph.Param) error {
		w := s.newWriter(s.Lowered.Weights[p.Name])
		if s.base.Random {
			if err := w.write(randomParam(p, norms, rand.New(rand.NewPCG(seed, uint64(i))))); err != nil {
				return err
			}
			return w.close()
		}
		if err := s.loadMapped(p, w); err != nil {
			return err
		}
		if err := w.close(); err != nil {
			return err
		}
		return s.base.Folder.Release(p.Tensor)
	})
}

// loaders is how many parameters are loaded at a time: each takes the memory of
// a chunk and of its tensor in 4 bits.
const loaders = 4

// eachParam calls do for every parameter, some at a time. Of several errors it
// returns that of the first parameter. An error of progress ends it too.
func (s *Session) eachParam(total int64, progress func(done, total int64) error, do func(i int, p graph.Param) error) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex // of the following
		next  int
		done  int64
		bad   = len(s.base.Graph.Params)
		first error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= len(s.base.Graph.Params) && first == nil
	}
	for range min(loaders, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				p := s.base.Graph.Params[i]
				err := do(i, p)
				mu.Lock()
				done += elements(p.Shape)
				if err == nil && progress != nil && first == nil {
					err = progress(done, total)
				}
				if err != nil && i < bad {
					bad, first = i, err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return first
}

func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// writer fills a parameter's buffer from its first element on, converting to
// the buffer's type.
type writer struct {
	s      *Session
	id     program.BufferID
	buffer program.Buffer
	offset int64            // bytes written
	blocks *dtype.Quantizer // of a buffer in blocks, which is written whole
}

func (s *Session) newWriter(id program.BufferID) *writer {
	w := &writer{s: s, id: id, buffer: s.Lowered.Program.Buffers[id]}
	if w.buffer.DType.InBlocks() {
		w.blocks = dtype.NewQuantizer(int64(w.buffer.Rows) * int64(w.buffer.Cols))
	}
	return w
}

func (w *writer) write(values []float32) error {
	if w.blocks != nil {
		w.blocks.Append(values)
		return nil
	}
	data := make([]byte, len(values)*w.buffer.DType.Size())
	if err := dtype.FromFloat32(data, values, w.buffer.DType); err != nil {
		return err
	}
	return w.bytes(data)
}

// bytes writes elements that have the buffer's type already.
func (w *writer) bytes(data []byte) error {
	err := w.s.exe.Write(w.id, w.offset, data)
	w.offset += int64(len(data))
	return err
}

func (w *writer) close() error {
	if w.blocks == nil || w.offset > 0 {
		return nil
	}
	return w.bytes(w.blocks.Bytes(w.buffer.DType))
}

// loadParam converts a tensor some rows at a time.
func (s *Session) loadParam(p graph.Param, w *writer) error {
	t, ok := s.base.Folder.Tensor(p.Tensor)
	if !ok {
		return fmt.Errorf("tensor %s is missing", p.Tensor)
	}
	if t.DType.InBlocks() {
		return s.loadBlocks(p, w)
	}
	if err := safetensors.CheckFinite(t); err != nil {
		return fmt.Errorf("the base model is damaged: %w", err)
	}
	if p.Transpose {
		return loadTransposed(t, w)
	}
	rows := p.Shape[0]
	width := int(elements(p.Shape[1:]))
	step := max(1, chunkElements/width)
	buf := make([]float32, min(step, rows)*width)
	for from := 0; from < rows; from += step {
		n := min(step, rows-from)
		if err := safetensors.ReadInto(buf[:n*width], t, p.FirstRow+from, p.FirstRow+from+n); err != nil {
			return err
		}
		if err := w.write(buf[:n*width]); err != nil {
			return err
		}
	}
	return nil
}

// loadBlocks takes a tensor as it was quantised.
func (s *Session) loadBlocks(p graph.Param, w *writer) error {
	data, err := s.base.Folder.Blocks(p.Tensor)
	if err != nil {
		return err
	}
	if p.Transpose || p.FirstRow > 0 || int64(len(data)) != w.buffer.Bytes() {
		return fmt.Errorf("tensor %s is quantised to 4 bits, and the model uses a part of it or turns it, which cannot be done; use the model that it was made from", p.Tensor)
	}
	return w.bytes(data)
}

func loadTransposed(t safetensors.Tensor, w *writer) error {
	values, err := safetensors.Float32s(t)
	if err != nil {
		return err
	}
	rows, cols := t.Shape[0], t.Shape[1]
	turned := make([]float32, len(values))
	for r := range rows {
		for c := range cols {
			turned[c*rows+r] = values[r*cols+c]
		}
	}
	return w.write(turned)
}

// randomParam is a parameter's start for training from scratch: norms are
// neutral, biases zero, everything else normal with deviation 0.02 (GPT-2's).
func randomParam(p graph.Param, norms map[string]float32, r *rand.Rand) []float32 {
	values := make([]float32, elements(p.Shape))
	if offset, ok := norms[p.Name]; ok {
		for i := range values {
			values[i] = 1 - offset
		}
		return values
	}
	if len(p.Shape) == 1 {
		return values
	}
	for i := range values {
		values[i] = float32(0.02 * r.NormFloat64())
	}
	return values
}

// normOffsets are the names of norm weights and what is added to each.
func normOffsets(g *graph.Graph) map[string]float32 {
	norms := map[string]float32{}
	for _, seg := range g.Segments() {
		for _, op := range seg.Ops {
			if op.Kind == graph.RMSNorm {
				norms[op.Weight] = op.Offset
			}
		}
	}
	return norms
}

// writeFloats writes values from element offset on.
func (s *Session) writeFloats(b program.BufferID, offset int64, values []float32) error {
	buf := make([]byte, 4*len(values))
	if err := dtype.FromFloat32(buf, values, dtype.F32); err != nil {
		return err
	}
	return s.exe.Write(b, 4*offset, buf)
}

// readFloats reads a whole buffer.
func (s *Session) readFloats(b program.BufferID) ([]float32, error) {
	buf := make([]byte, s.Lowered.Program.Buffers[b].Bytes())
	if err := s.exe.Read(b, 0, buf); err != nil {
		return nil, err
	}
	values := make([]float32, len(buf)/4)
	return values, dtype.ToFloat32(values, buf, dtype.F32)
}
