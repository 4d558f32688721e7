package huggingface

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// A folder that bitsandbytes quantised to NF4 (as Transformers saves it) has,
// for a weight "w", the codes as tensor w and tensors beside it: w.absmax,
// w.quant_map, w.quant_state.bitsandbytes__nf4, and with double quantisation
// w.nested_absmax and w.nested_quant_map. To the rest of the program it is one
// tensor of NF4 or NF4Double with its true shape.

const quantState = ".quant_state.bitsandbytes__"

// state is what quant_state holds, as JSON in bytes.
type state struct {
	Type            string   `json:"quant_type"`
	Block           int      `json:"blocksize"`
	Shape           []int    `json:"shape"`
	NestedBlock     int      `json:"nested_blocksize"`
	NestedOffset    *float64 `json:"nested_offset"`
	NestedStateType string   `json:"nested_dtype"`
}

// foldQuantized makes one tensor of each quantised weight's several.
func (f *Folder) foldQuantized() error {
	for _, name := range slices.Clone(f.names) {
		weight, kind, found := strings.Cut(name, quantState)
		if !found {
			continue
		}
		if err := f.foldWeight(weight, kind, f.tensors[name]); err != nil {
			return fmt.Errorf("%s: quantised tensor %s: %w", f.Dir, weight, err)
		}
	}
	f.names = slices.DeleteFunc(f.names, func(name string) bool { _, ok := f.tensors[name]; return !ok })
	return nil
}

func (f *Folder) foldWeight(weight, kind string, stateTensor safetensors.Tensor) error {
	var s state
	if err := json.Unmarshal(stateTensor.Data, &s); err != nil {
		return fmt.Errorf("its quant_state is not JSON: %w", err)
	}
	if kind != "nf4" || s.Type != "nf4" || s.Block != dtype.Block || len(s.Shape) != 2 || s.Shape[0] < 1 || s.Shape[1] < 1 {
		return fmt.Errorf("it is %s in blocks of %d with shape %v; wanted nf4 in blocks of %d with two dimensions", s.Type, s.Block, s.Shape, dtype.Block)
	}
	q := quantized4{codes: f.tensors[weight], absmax: f.tensors[weight+".absmax"], dtype: dtype.NF4}
	parts := []string{".absmax", ".quant_map", quantState + kind}
	if err := sameTable(f.tensors[weight+".quant_map"], dtype.NormalFloat[:]); err != nil {
		return fmt.Errorf("quant_map %w", err)
	}
	if s.NestedOffset != nil {
		q.dtype, q.offset, q.nested = dtype.NF4Double, float32(*s.NestedOffset), f.tensors[weight+".nested_absmax"]
		if s.NestedBlock != dtype.NestedBlock {
			return fmt.Errorf("its scales are quantised in blocks of %d, wanted %d", s.NestedBlock, dtype.NestedBlock)
		}
		if err := sameTable(f.tensors[weight+".nested_quant_map"], dtype.Dynamic[:]); err != nil {
			return fmt.Errorf("nested_quant_map %w", err)
		}
		parts = append(parts, ".nested_absmax", ".nested_quant_map")
	}
	if err := q.check(s.Shape); err != nil {
		return err
	}
	t := q.codes
	t.DType, t.TypeName, t.Shape = q.dtype, q.dtype.String(), s.Shape
	f.tensors[weight] = t
	f.quantized[weight] = q
	for _, part := range parts {
		delete(f.tensors, weight+part)
	}
	return nil
}

// quantized4 is a weight's parts in their files.
type quantized4 struct {
	dtype                 dtype.DType
	codes, absmax, nested safetensors.Tensor
	offset                float32
}

// check compares the parts' sizes with those of a matrix of this shape.
func (q quantized4) check(shape []int) error {
	if shape[1]%dtype.Block != 0 || shape[0] > math.MaxInt32 || shape[1] > math.MaxInt32 {
		return fmt.Errorf("its shape is %v; wanted a multiple of %d columns", shape, dtype.Block)
	}
	n := int64(shape[0]) * int64(shape[1])
	blocks := n / dtype.Block
	absmax := 4 * blocks
	if q.dtype == dtype.NF4Double {
		absmax = blocks
	}
	for _, part := range []struct {
		name  string
		bytes int
		want  int64
	}{
		{"codes", len(q.codes.Data), n / 2},
		{"absmax", len(q.absmax.Data), absmax},
		{"nested_absmax", len(q.nested.Data), q.nestedBytes(blocks)},
	} {
		if int64(part.bytes) != part.want {
			return fmt.Errorf("its %s has %d bytes; a matrix of shape %v has %d", part.name, part.bytes, shape, part.want)
		}
	}
	return nil
}

func (q quantized4) nestedBytes(blocks int64) int64 {
	if q.dtype == dtype.NF4 {
		return 0
	}
	return 4 * ((blocks + dtype.NestedBlock - 1) / dtype.NestedBlock)
}

// Blocks is a quantised tensor in the layout of its DType, copied together
// from its parts.
func (f *Folder) Blocks(name string) ([]byte, error) {
	q, ok := f.quantized[name]
	if !ok {
		return nil, fmt.Errorf("%s: tensor %s is not quantised", f.Dir, name)
	}
	for _, t := range []safetensors.Tensor{q.absmax, q.nested} {
		if t.DType != dtype.F32 {
			continue
		}
		if err := safetensors.CheckFinite(t); err != nil {
			return nil, fmt.Errorf("the base model is damaged: %w", err)
		}
	}
	p := dtype.PartsOf(q.dtype, 2*int64(len(q.codes.Data)))
	out := make([]byte, p.End)
	copy(out, q.codes.Data)
	copy(out[p.Scales:], q.absmax.Data)
	if q.dtype == dtype.NF4Double {
		copy(out[p.Nested:], q.nested.Data)
		binary.LittleEndian.PutUint32(out[p.Offset:], math.Float32bits(q.offset))
	}
	return out, nil
}

// sameTable is an error where a table of codes is not the one we know.
func sameTable(t safetensors.Tensor, want []float32) error {
	if t.DType != dtype.F32 || len(t.Data) != 4*len(want) {
		return fmt.Errorf("is missing or not %d values of F32", len(want))
	}
	got := make([]float32, len(want))
	if err := dtype.ToFloat32(got, t.Data, dtype.F32); err != nil {
		return err
	}
	for i := range want {
		if math.Abs(float64(got[i])-float64(want[i])) > 1e-6 {
			return errors.New("differs from bitsandbytes' own table")
		}
	}
	return nil
}
