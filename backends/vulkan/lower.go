package vulkan

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// lowerings has the function that turns each instruction into dispatches.
var lowerings = map[program.Op]func(*kernels, *instr) error{
	program.OpEmbed:             lowerEmbed,
	program.OpEmbedGrad:         lowerEmbedGrad,
	program.OpRMSNorm:           lowerRMSNorm,
	program.OpRMSNormGrad:       lowerRMSNormGrad,
	program.OpRMSNormWeightGrad: lowerRMSNormWeightGrad,
	program.OpLinear:            lowerLinear,
	program.OpLinearGrad:        lowerLinearGrad,
	program.OpLinearWeightGrad:  lowerLinearWeightGrad,
	program.OpBiasGrad:          lowerBiasGrad,
	program.OpRoPE:              lowerRoPE,
	program.OpAttention:         lowerAttention,
	program.OpAttentionGrad:     lowerAttentionGrad,
	program.OpCacheAppend:       lowerCacheAppend,
	program.OpAttentionCached:   lowerAttentionCached,
	program.OpGated:             lowerGated,
	program.OpGatedGrad:         lowerGatedGrad,
	program.OpAdd:               lowerAdd,
	program.OpCopy:              lowerCopy,
	program.OpZero:              lowerZero,
	program.OpCrossEntropy:      lowerCrossEntropy,
	program.OpGradNorm:          lowerGradNorm,
	program.OpAdamW:             lowerAdamW,
	program.OpAdamW8:            lowerAdamW8,
	program.OpSGD:               lowerSGD,
	program.OpNoise:             lowerNoise,
	program.OpDrop:              lowerDrop,
	program.OpWeightNorm:        lowerWeightNorm,
	program.OpMagnitude:         lowerMagnitude,
	program.OpMagnitudeGrad:     lowerMagnitudeGrad,
}

// matrix is an operand with its address; rows is 0 where it is absent.
type matrix struct {
	dtype      dtype.DType
	rows, cols int
	address    uint64
	span       span
}

func (m matrix) given() bool   { return m.rows > 0 }
func (m matrix) elements() int { return m.rows * m.cols }

// aligned says that every row of an operand in 32 or 16 bits begins at a multiple of n elements, so that vectors
// of 16 bytes at most can be read of it.
func (m matrix) aligned(n int) bool {
	return m.address%min(16, uint64(m.dtype.Bytes(1, n))) == 0 && m.cols%n == 0
}

// typeNumbers are the types of shaders/narrow.glsl, and with more of shaders/weights.glsl.
var typeNumbers = map[dtype.DType]uint32{dtype.F32: 0, dtype.BF16: 1, dtype.F16: 2, dtype.NF4: 3, dtype.NF4Double: 4}

// activationTypes is the constant TYPES of a kernel with these activations; absent ones may be any.
func activationTypes(operands ...matrix) (all uint32) {
	for i, m := range operands {
		all |= typeNumbers[m.dtype] << (2 * i)
	}
	return all
}

// span is a range of bytes of a block. Blocks of the program count from 0.
type span struct {
	block      int
	begin, end int64
}

// scratchBlock is the number of the executable's scratch memory.
const scratchBlock = -1

func (a span) overlaps(b span) bool {
	return a.block == b.block && a.begin < b.end && b.begin < a.end
}

// instr is an instruction with its operands resolved.
type instr struct {
	op      program.Op
	in, out []matrix
	attr    *program.Attr
	load    *load // instead of an instruction
	call    int   // of the entry
}

// load copies bytes from the host's memory to the device, or back, which is a save.
type load struct {
	from, to span
	save     bool
}

// dispatch is one grid of a kernel.
type dispatch struct {
	shader    string
	constants []uint32
	push      []byte
	groups    [3]uint32
	// cost is an estimate of its work in floating-point operations, one byte of
	// memory counting as four; it decides where submissions are cut.
	cost float64
	// wholeSubgroups is for kernels that count on the device's subgroup size.
	wholeSubgroups bool
	// after makes it wait for the earlier dispatches of its instruction.
	after bool
}

// kernels collects the dispatches of one instruction.
type kernels struct {
	info *vk.Info
	// scalars and tables are the addresses of the run's Scalars and of Tables.
	scalars, tables uint64
	// matrices are the types of factors whose products run on matrix units.
	matrices map[dtype.DType]bool
	// forceTile is the tile that all products take, in tests.
	forceTile tile

	list           []dispatch
	scratchAddress uint64
	scratchBytes   int64
}

// add appends a dispatch.
func (k *kernels) add(shader string, constants []uint32, push []byte, groups [3]uint32, cost float64) {
	k.list = append(k.list, dispatch{shader: shader, constants: constants, push: push, groups: groups, cost: cost})
}

// then appends a dispatch that needs what the earlier ones of this instruction wrote.
func (k *kernels) then(shader string, constants []uint32, push []byte, groups [3]uint32, cost float64) {
	k.add(shader, constants, push, groups, cost)
	k.list[len(k.list)-1].after = true
}

// scratch is memory for what passes between dispatches of this instruction.
func (k *kernels) scratch(rows, cols int) matrix {
	begin := k.scratchBytes
	k.scratchBytes += (int64(rows)*int64(cols)*4 + program.Align - 1) / program.Align * program.Align
	return matrix{dtype: dtype.F32, rows: rows, cols: cols, address: k.scratchAddress + uint64(begin),
		span: span{scratchBlock, begin, k.scratchBytes}}
}

// mostElements is how far kernels count: they number an operand's elements in 32 bits, and SPIR-V takes
// an index as signed. The byte that an index means is found in 64 bits. 256,000 rows of 8,192 are within it.
const mostElements = 1<<31 - 1

// parted are the instructions on flat regions, which are done in parts where they are larger.
var parted = map[program.Op]bool{
	program.OpZero: true, program.OpCopy: true, program.OpGradNorm: true, program.OpAdamW: true, program.OpAdamW8: true, program.OpSGD: true,
}

// countable is an error for an instruction with an operand of more elements than kernels count.
func (in *instr) countable() error {
	if parted[in.op] {
		return nil
	}
	for _, m := range slices.Concat(in.in, in.out) {
		if m.elements() > mostElements {
			return fmt.Errorf("an operand of %d × %d is %d elements; kernels count to %d", m.rows, m.cols, m.elements(), mostElements)
		}
	}
	return nil
}

// eachPart divides n elements in parts of at most size.
func eachPart(n, size int, part func(at, n int)) {
	for at := 0; at < n; at += size {
		part(at, min(size, n-at))
	}
}

// foldWidth is FOLD of shaders/common.glsl.
const foldWidth = 32768

// flat is the grid of n workgroups that flat_group() counts.
func flat(n int) [3]uint32 {
	if n <= foldWidth {
		return [3]uint32{uint32(n), 1, 1}
	}
	return [3]uint32{foldWidth, uint32((n + foldWidth - 1) / foldWidth), 1}
}

// over is the number of groups of size that n elements need.
func over(n, size int) int { return (n + size - 1) / size }

// constants are specialization constants in their order: int, uint32, bool, float32.
func constants(values ...any) []uint32 {
	list := make([]uint32, len(values))
	for i, v := range values {
		list[i] = word(v)
	}
	return list
}

// push are push constants in their order: first addresses, of matrices (0 for
// absent ones) or uint64, then int, uint32, bool and float32.
func push(values ...any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case matrix:
			b = binary.LittleEndian.AppendUint64(b, v.address)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		default:
			b = binary.LittleEndian.AppendUint32(b, word(v))
		}
	}
	return b
}

// word is a value in 32 bits. It panics on a type that no kernel takes.
func word(v any) uint32 {
	switch v := v.(type) {
	case int:
		return uint32(int32(v))
	case uint32:
		return v
	case float32:
		return math.Float32bits(v)
	case bool:
		if v {
			return 1
		}
		return 0
	}
	panic(fmt.Sprintf("vulkan: a constant of type %T", v))
}
