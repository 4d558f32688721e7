package dtype

import (
	"encoding/binary"
	"fmt"
)

// FirstNonFinite returns the index of the first element of src that is NaN or
// infinite, or -1 where all are finite. Integers and booleans are always
// finite; an F8 type, whose encodings differ, is an error.
func FirstNonFinite(src []byte, d DType) (int, error) {
	switch d {
	case F16:
		return firstSaturated(src, 2, 0x7c00), nil
	case BF16:
		return firstSaturated(src, 2, 0x7f80), nil
	case F32:
		return firstSaturated(src, 4, 0x7f800000), nil
	case F64:
		return firstSaturated(src, 8, 0x7ff0000000000000), nil
	}
	if !d.Valid() || d.IsFloat() || d == C64 {
		return 0, fmt.Errorf("cannot look for NaN in elements of type %s", d)
	}
	return -1, nil
}

// firstSaturated finds the first element of size bytes whose exponent bits,
// those in mask, are all ones. It looks at 64 bits at a time: with the exponent
// inverted, adding the largest positive value to a lane sets the lane's top bit
// unless the exponent was all ones, and never carries into the next lane.
func firstSaturated(src []byte, size int, mask uint64) int {
	m := mask
	low := uint64(1)<<(8*size-1) - 1
	top := uint64(1) << (8*size - 1)
	for shift := 8 * size; shift < 64; shift *= 2 {
		m |= m << shift
		low |= low << shift
		top |= top << shift
	}
	i := 0
	for ; i+8 <= len(src); i += 8 {
		inverted := ^binary.LittleEndian.Uint64(src[i:]) & m
		if (inverted+low)&top != top {
			break
		}
	}
	for ; i+size <= len(src); i += size {
		var v uint64
		for b := range size {
			v |= uint64(src[i+b]) << (8 * b)
		}
		if v&mask == mask {
			return i / size
		}
	}
	return -1
}
