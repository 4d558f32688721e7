package dtype

import "fmt"

// DType is the type of one element of a tensor. The zero value is Invalid, so
// that a field nobody set is noticed.
type DType uint8

// The element types, named as safetensors headers name them.
const (
	Invalid DType = iota
	BOOL
	U8
	I8
	F8_E4M3
	F8_E5M2
	F8_E8M0
	U16
	I16
	F16
	BF16
	U32
	I32
	F32
	U64
	I64
	F64
	C64
	elements // how many have one size for each element

	// NF4 and NF4Double hold a matrix in blocks of 4-bit numbers with a scale
	// each; block.go has their layout.
	NF4
	NF4Double
	count
)

// table is what everything else here is made from; it is indexed by DType.
var table = [count]struct {
	name  string
	size  int
	float bool
}{
	Invalid: {"INVALID", 0, false},
	BOOL:    {"BOOL", 1, false},
	U8:      {"U8", 1, false},
	I8:      {"I8", 1, false},
	F8_E4M3: {"F8_E4M3", 1, true},
	F8_E5M2: {"F8_E5M2", 1, true},
	F8_E8M0: {"F8_E8M0", 1, true},
	U16:     {"U16", 2, false},
	I16:     {"I16", 2, false},
	F16:     {"F16", 2, true},
	BF16:    {"BF16", 2, true},
	U32:     {"U32", 4, false},
	I32:     {"I32", 4, false},
	F32:     {"F32", 4, true},
	U64:     {"U64", 8, false},
	I64:     {"I64", 8, false},
	F64:     {"F64", 8, true},
	C64:     {"C64", 8, false},

	NF4:       {"NF4", 0, false},
	NF4Double: {"NF4_DOUBLE", 0, false},
}

var byName = func() map[string]DType {
	m := make(map[string]DType, elements)
	for d := Invalid + 1; d < elements; d++ {
		m[table[d].name] = d
	}
	return m
}()

// All lists every element type of tensors in files, smallest elements first.
func All() []DType {
	all := make([]DType, 0, elements-1)
	for d := Invalid + 1; d < elements; d++ {
		all = append(all, d)
	}
	return all
}

// Valid reports whether d is one of the types listed here.
func (d DType) Valid() bool { return d > Invalid && d < count && d != elements }

// Size is the number of bytes of one element, 0 for Invalid and for types in blocks.
func (d DType) Size() int {
	if d >= count {
		return 0
	}
	return table[d].size
}

// IsFloat reports whether d is a real floating-point type.
func (d DType) IsFloat() bool { return d < count && table[d].float }

// Convertible reports whether ToFloat32 and FromFloat32 know d.
func (d DType) Convertible() bool { return d == F32 || d == F16 || d == BF16 }

// String is the name used in safetensors headers.
func (d DType) String() string {
	if d >= count {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return table[d].name
}

// Parse finds the type with a safetensors name ("BF16"). Types in blocks have none.
func Parse(name string) (DType, error) {
	if d, ok := byName[name]; ok {
		return d, nil
	}
	return Invalid, fmt.Errorf("unknown element type %q", name)
}
