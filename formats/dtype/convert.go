package dtype

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/x448/float16"
)

// half holds the float32 value of every F16 bit pattern. 256 KiB of table are
// read several times faster than the bits are taken apart.
var half = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		t[i] = float16.Frombits(uint16(i)).Float32()
	}
	return t
})

// ToFloat32 converts the elements in src, of type d, to float32. dst has
// exactly as many elements as src. The conversion from F32, F16 and BF16 is
// exact; NF4 and NF4Double need a whole matrix; other types are an error.
func ToFloat32(dst []float32, src []byte, d DType) error {
	if err := check(len(dst), len(src), d); err != nil {
		return err
	}
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case BF16:
		bf16ToFloat32(dst, src)
	case F16:
		t := half()
		for i := range dst {
			dst[i] = t[binary.LittleEndian.Uint16(src[2*i:])]
		}
	case NF4, NF4Double:
		blocksToFloat32(dst, src, d)
	}
	return nil
}

// bf16ToFloat32 reads four elements at a time, as one 64-bit word.
func bf16ToFloat32(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		w := binary.LittleEndian.Uint64(src)
		d := dst[:4:4]
		d[0] = math.Float32frombits(uint32(w) << 16)
		d[1] = math.Float32frombits(uint32(w) & 0xffff0000)
		d[2] = math.Float32frombits(uint32(w>>32) << 16)
		d[3] = math.Float32frombits(uint32(w>>32) & 0xffff0000)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = BF16ToFloat32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// FromFloat32 converts src to elements of type d in dst, which has exactly the
// bytes needed. Rounding is to nearest, ties to even; values beyond the range
// of F16 or BF16 become infinities; NaN stays NaN.
func FromFloat32(dst []byte, src []float32, d DType) error {
	if err := check(len(src), len(dst), d); err != nil {
		return err
	}
	switch d {
	case F32:
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	case BF16:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], Float32ToBF16(v))
		}
	case F16:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], Float32ToF16(v))
		}
	case NF4, NF4Double:
		q := NewQuantizer(int64(len(src)))
		q.Append(src)
		copy(dst, q.Bytes(d))
	}
	return nil
}

func check(elements, bytes int, d DType) error {
	if d.InBlocks() {
		return checkBlocks(elements, bytes, d)
	}
	if !d.Convertible() {
		return fmt.Errorf("cannot convert between %s and float32: only F32, F16 and BF16 are supported", d)
	}
	if elements*d.Size() != bytes {
		return fmt.Errorf("%d elements of %s are %d bytes, not %d", elements, d, elements*d.Size(), bytes)
	}
	return nil
}

// BF16ToFloat32 widens one bfloat16, given as its bits. It is exact.
func BF16ToFloat32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// Float32ToBF16 rounds v to the nearest bfloat16, ties to even. A NaN keeps its
// sign and upper payload and is made quiet.
func Float32ToBF16(v float32) uint16 {
	u := math.Float32bits(v)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x0040
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// F16ToFloat32 widens one IEEE half, given as its bits. It is exact.
func F16ToFloat32(b uint16) float32 { return half()[b] }

// Float32ToF16 rounds v to the nearest IEEE half, ties to even.
func Float32ToF16(v float32) uint16 { return float16.Fromfloat32(v).Bits() }
