package dtype

// A matrix of NF4 or NF4Double is blocks of Block consecutive elements, row by
// row; its columns are a multiple of Block. As QLoRA (Dettmers et al., 2023) and
// bitsandbytes have it, an element is NormalFloat[code]·scale of its block. In
// memory the parts follow each other without a gap:
//
//	codes   4 bits an element, the first of two in the high half of its byte
//	scales  NF4: F32 for each block
//	        NF4Double: U8 code for each block, filled up with zeros to a multiple of 4 bytes;
//	        then F32 for each NestedBlock of these, and one F32 offset: a
//	        block's scale is Dynamic[code]·nested + offset
const (
	Block       = 64
	NestedBlock = 256
)

// InBlocks reports whether matrices of d have the layout above.
func (d DType) InBlocks() bool { return d == NF4 || d == NF4Double }

// Bytes is the size of a matrix [rows, cols] of d.
func (d DType) Bytes(rows, cols int) int64 {
	n := int64(rows) * int64(cols)
	if !d.InBlocks() || n == 0 {
		return n * int64(d.Size())
	}
	return PartsOf(d, n).End
}

// Parts are the byte offsets of what a matrix in blocks consists of; the codes
// begin at 0. Nested, Offset are NF4Double's.
type Parts struct{ Scales, Nested, Offset, End int64 }

// PartsOf lays out n elements, a multiple of Block.
func PartsOf(d DType, n int64) Parts {
	blocks := n / Block
	p := Parts{Scales: n / 2}
	if d == NF4 {
		p.End = p.Scales + 4*blocks
		return p
	}
	p.Nested = p.Scales + (blocks+3)/4*4
	p.Offset = p.Nested + 4*((blocks+NestedBlock-1)/NestedBlock)
	p.End = p.Offset + 4
	return p
}
