package vulkan

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Instructions of SPIR-V that the wrong kernels of faults_test.go change; matrices are cooperative ones.
const (
	opName              = 5
	opExtInstImport     = 11
	opExtInst           = 12
	opTypeInt           = 21
	opTypeFloat         = 22
	opTypeVector        = 23
	opConstant          = 43
	opConstantComposite = 44
	opConstantNull      = 46
	opSpecConstant      = 50
	opFunction          = 54
	opLoad              = 61
	opDecorate          = 71
	opCopyObject        = 83
	opFConvert          = 115
	opFAdd              = 129
	opIEqual            = 170
	opUGreaterThanEqual = 174
	opULessThanEqual    = 178
	opTypeMatrix        = 4456
	opMatrixLoad        = 4457
	opMatrixStore       = 4458
	opMatrixMulAdd      = 4459
)

// spirv is a module, instruction by instruction. The first word of each has its length and code.
type spirv struct {
	header []uint32
	list   [][]uint32
	names  map[string]uint32
}

func parseSPIRV(code []byte) *spirv {
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	m := &spirv{header: words[:5:5], names: map[string]uint32{}}
	for words = words[5:]; len(words) > 0; {
		n := words[0] >> 16
		in := words[:n:n]
		words = words[n:]
		m.list = append(m.list, in)
		if codeOf(in) == opName {
			var text []byte
			for _, w := range in[2:] {
				text = binary.LittleEndian.AppendUint32(text, w)
			}
			name, _, _ := strings.Cut(string(text), "\x00")
			m.names[name] = in[1]
		}
	}
	return m
}

func (m *spirv) bytes() []byte {
	var b []byte
	for _, in := range append([][]uint32{m.header}, m.list...) {
		for _, w := range in {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
	}
	return b
}

func codeOf(in []uint32) uint32 { return in[0] & 0xffff }

func instruction(code uint32, operands ...uint32) []uint32 {
	return append([]uint32{uint32(len(operands)+1)<<16 | code}, operands...)
}

// fresh is an id that the module has not.
func (m *spirv) fresh() uint32 {
	m.header[3]++
	return m.header[3] - 1
}

// declare adds a type or constant and returns its id.
func (m *spirv) declare(in []uint32, result int) uint32 {
	at := slices.IndexFunc(m.list, func(x []uint32) bool { return codeOf(x) == opFunction })
	m.list = slices.Insert(m.list, at, in)
	return in[result]
}

// definition is the instruction that makes an id; those that have no type name it first.
func (m *spirv) definition(id uint32) []uint32 {
	for _, in := range m.list {
		switch codeOf(in) {
		case opTypeInt, opTypeFloat, opTypeVector, opTypeMatrix, opExtInstImport:
			if in[1] == id {
				return in
			}
		case opConstant, opLoad, opMatrixLoad:
			if in[2] == id {
				return in
			}
		}
	}
	return nil
}

// constant is the id of a 32-bit constant of a type, added where there is none.
func (m *spirv) constant(kind, value uint32) uint32 {
	for _, in := range m.list {
		if codeOf(in) == opConstant && in[1] == kind && in[3] == value {
			return in[2]
		}
	}
	return m.declare(instruction(opConstant, kind, m.fresh(), value), 2)
}

// kind is the id of a type with these operands, 0 where there is none.
func (m *spirv) kind(code uint32, operands ...uint32) uint32 {
	for _, in := range m.list {
		if codeOf(in) == code && slices.Equal(in[2:], operands) {
			return in[1]
		}
	}
	return 0
}

// change puts other instructions in the place of each of a code; nil leaves it. It says how many were changed. What they need
// must have been declared.
func (m *spirv) change(code uint32, change func(in []uint32) [][]uint32) int {
	var list [][]uint32
	n := 0
	for _, in := range m.list {
		if codeOf(in) == code {
			if other := change(in); other != nil {
				list = append(list, other...)
				n++
				continue
			}
		}
		list = append(list, in)
	}
	m.list = list
	return n
}
