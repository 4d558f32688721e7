package dtype

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
)

// blocksToFloat32 dequantises a whole matrix of NF4 or NF4Double.
func blocksToFloat32(dst []float32, src []byte, d DType) {
	p := PartsOf(d, int64(len(dst)))
	for b := range len(dst) / Block {
		scale := blockScale(src, p, d, b)
		for i := range Block {
			dst[b*Block+i] = NormalFloat[nibble(src, b*Block+i)] * scale
		}
	}
}

func nibble(src []byte, i int) byte {
	if i%2 == 0 {
		return src[i/2] >> 4
	}
	return src[i/2] & 15
}

func blockScale(src []byte, p Parts, d DType, block int) float32 {
	if d == NF4 {
		return float(src, p.Scales+4*int64(block))
	}
	nested := float(src, p.Nested+4*int64(block/NestedBlock))
	// The conversion keeps the compiler from rounding product and sum at once.
	return float32(Dynamic[src[p.Scales+int64(block)]]*nested) + float(src, p.Offset)
}

func float(src []byte, at int64) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(src[at:]))
}

func putFloat(dst []byte, at int64, v float32) {
	binary.LittleEndian.PutUint32(dst[at:], math.Float32bits(v))
}

// Quantizer makes a matrix of NF4 or NF4Double from rows that come some at a time.
type Quantizer struct {
	codes  []byte
	absmax []float32 // one a block
}

// NewQuantizer makes one for n elements, a multiple of Block.
func NewQuantizer(n int64) *Quantizer {
	return &Quantizer{make([]byte, 0, n/2), make([]float32, 0, n/Block)}
}

// parallelBlocks is how many blocks are worth a goroutine.
const parallelBlocks = 1 << 12

// Append quantises the next elements, a multiple of Block, on all processors.
func (q *Quantizer) Append(x []float32) {
	done, blocks := len(q.absmax), len(x)/Block
	q.codes = append(q.codes, make([]byte, len(x)/2)...)
	q.absmax = append(q.absmax, make([]float32, blocks)...)
	var group sync.WaitGroup
	for from := 0; from < blocks; from += parallelBlocks {
		group.Go(func() {
			for b := from; b < min(from+parallelBlocks, blocks); b++ {
				q.absmax[done+b] = quantizeBlock(q.codes[(done+b)*Block/2:][:Block/2], x[b*Block:][:Block])
			}
		})
	}
	group.Wait()
}

// quantizeBlock writes the codes of a block and returns its scale.
func quantizeBlock(codes []byte, block []float32) float32 {
	var absmax float32
	for _, v := range block {
		absmax = max(absmax, max(v, -v))
	}
	inverse := 1 / max(absmax, 1e-38)
	for i := range codes {
		codes[i] = normalCode(block[2*i]*inverse)<<4 | normalCode(block[2*i+1]*inverse)
	}
	return absmax
}

// Bytes is the matrix in the layout of d.
func (q *Quantizer) Bytes(d DType) []byte {
	p := PartsOf(d, 2*int64(len(q.codes)))
	out := make([]byte, p.End)
	copy(out, q.codes)
	if d == NF4 {
		for i, v := range q.absmax {
			putFloat(out, p.Scales+4*int64(i), v)
		}
		return out
	}
	var sum float64
	for _, v := range q.absmax {
		sum += float64(v)
	}
	offset := float32(sum / float64(len(q.absmax)))
	codes, nested := quantizeScales(q.absmax, offset)
	copy(out[p.Scales:], codes)
	for i, v := range nested {
		putFloat(out, p.Nested+4*int64(i), v)
	}
	putFloat(out, p.Offset, offset)
	return out
}

// quantizeScales is the second quantisation: scales less their offset, as dynamic
// 8-bit codes in blocks of NestedBlock with a scale each.
func quantizeScales(scales []float32, offset float32) (codes []byte, nested []float32) {
	for block := range slices.Chunk(scales, NestedBlock) {
		var absmax float32
		for _, v := range block {
			absmax = max(absmax, max(v-offset, offset-v))
		}
		nested = append(nested, absmax)
		inverse := 1 / max(absmax, 1e-38)
		for _, v := range block {
			codes = append(codes, nearest(dynamicBounds, (v-offset)*inverse))
		}
	}
	return codes, nested
}

// Bounds between codes lie in the middle of their values, in float32; a value
// on a bound gets the lower code.
var (
	normalBounds  = bounds(NormalFloat[:])
	dynamicBounds = bounds(Dynamic[:])
)

func bounds(values []float32) []float32 {
	b := make([]float32, len(values)-1)
	for i := range b {
		b[i] = (values[i] + values[i+1]) / 2
	}
	return b
}

// nearest is the number of bounds below v.
func nearest(bounds []float32, v float32) byte {
	low, n := 0, len(bounds)+1
	for n > 1 {
		half := n / 2
		if v > bounds[low+half-1] {
			low += half
			n -= half
		} else {
			n = half
		}
	}
	return byte(low)
}

// normalCode is nearest for the 16 values of NF4, without a loop.
func normalCode(v float32) byte {
	b := normalBounds
	low := 0
	if v > b[7] {
		low = 8
	}
	if v > b[low+3] {
		low += 4
	}
	if v > b[low+1] {
		low += 2
	}
	if v > b[low] {
		low++
	}
	return byte(low)
}

func checkBlocks(elements, bytes int, d DType) error {
	if elements%Block != 0 {
		return fmt.Errorf("%s comes in blocks of %d elements, and there are %d", d, Block, elements)
	}
	if want := PartsOf(d, int64(elements)).End; int64(bytes) != want {
		return fmt.Errorf("%d elements of %s are %d bytes, not %d", elements, d, want, bytes)
	}
	return nil
}
