package program

import "github.com/loraedge/loraedge/formats/dtype"

// Program is everything a backend needs to run a model: memory, code, and the
// order of calls of each entry.
type Program struct {
	Blocks   []Block
	Buffers  []Buffer
	Segments []Segment
	Entries  []Entry
	// Ranges divides the regions of trained parameters; see Range.
	Ranges []Range
}

// Class says what a block of memory is for.
type Class uint8

const (
	Weights Class = iota // frozen parameters
	State                // trained parameters, gradients, moments, counters
	Inputs               // written by the host before a run, or read after it
	Arena                // activations and temporaries; no content outlives a run, except between Forward and Backward and in the KV cache
	Host                 // frozen weights in the host's memory, from where calls load them; no instruction works on them there
	Parked               // activations in the host's memory: calls save them there and load them back; content lives as an Arena's does
)

// OfHost says whether a block lies in the host's memory; elsewhere it is the device's.
func (c Class) OfHost() bool { return c == Host || c == Parked }

// Block is one allocation of Size bytes, aligned to Align.
type Block struct {
	Class Class
	Size  int64
}

// Align is the alignment of every buffer in its block, in bytes.
const Align = 256

// Place is an address: a byte offset inside a block.
type Place struct {
	Block  int
	Offset int64
}

// BufferID numbers a buffer of the program.
type BufferID int

// Buffer is a matrix [Rows, Cols], row by row, at a fixed place. Buffers may
// overlap: views of a region, and arenas of entries that never run together.
type Buffer struct {
	Name       string
	DType      dtype.DType
	Rows, Cols int
	Place      Place
}

// Bytes is the buffer's size.
func (b Buffer) Bytes() int64 { return b.DType.Bytes(b.Rows, b.Cols) }

// Segment is a function: instructions over parameters, which each call binds
// to buffers, and locals, which have a fixed place in the arena. Blocks of one
// shape share a segment.
type Segment struct {
	Name   string
	Params []Slot
	Locals []Slot
	Instrs []Instr
}

// Slot is a matrix that instructions of a segment name.
type Slot struct {
	Name       string
	DType      dtype.DType
	Rows, Cols int
	Place      Place // locals only
}

// Operand names rows of a slot: Params first, then Locals. Slot None is an
// operand left out.
type Operand struct {
	Slot int
	// Row is the first row, Rows the number of rows.
	Row, Rows int
}

// None marks an optional operand that is not there.
const None = -1

// Given says whether the operand is there.
func (o Operand) Given() bool { return o.Slot != None }

// Slot returns the slot that an operand names.
func (s *Segment) Slot(o Operand) Slot {
	if o.Slot < len(s.Params) {
		return s.Params[o.Slot]
	}
	return s.Locals[o.Slot-len(s.Params)]
}

// Locate returns the slot that an operand of a segment names, and where the
// slot begins in a call that binds args.
func (p *Program) Locate(s *Segment, args []BufferID, o Operand) (Slot, Place) {
	slot := s.Slot(o)
	if o.Slot < len(args) {
		return slot, p.Buffers[args[o.Slot]].Place
	}
	return slot, slot.Place
}

// Instr is one instruction; ops.go has the meaning of each Op and the order of
// its operands.
type Instr struct {
	Op   Op
	In   []Operand
	Out  []Operand
	Attr Attr
}

// Attr are the constants of an instruction; ops.go says which count for which.
type Attr struct {
	// Compute is the type that the factors of a product are rounded to, BF16 or
	// F16; 0 or F32 is none. Sums stay F32. A backend may round less.
	Compute     dtype.DType
	Scale       float32
	Accumulate  bool // add to the output instead of replacing it
	Adapter     bool // output is multiplied by Scalars.Adapter
	Eps, Offset float32
	Heads       int
	KVHeads     int
	HeadDim     int
	Window      int
	SoftCap     float32
	Interleaved bool
	Inverse     bool // RoPE: rotate back
	Gradient    bool // CrossEntropy: turn logits into their gradient
	Activation  string
	Dropout     Dropout
	Ranges      []Range
}

// Dropout of a matrix's elements, each kept with probability 1−P and scaled by
// 1/(1−P); see Keep for the generator. P = 0 is none. The generator's module is
// Module plus the call's.
type Dropout struct {
	P      float32
	Module uint32
}

// Range is one trained tensor inside the contiguous regions of parameters,
// gradients and moments. Offset and Len count elements; Offset is a multiple
// of 256.
type Range struct {
	Name        string
	Offset, Len int64
	// Decay multiplies Scalars.WeightDecay, Rate multiplies Scalars.LearningRate.
	Decay, Rate float32
}

// EntryKind says what an entry does.
type EntryKind uint8

const (
	// Forward writes the log-probability of each target and keeps what Backward needs.
	Forward EntryKind = iota
	// Backward adds gradients for the signed weights that are in the weights input now.
	Backward
	// Step is Forward and Backward with the head computed once.
	Step
	// Update clips, applies the optimizer and clears the gradients.
	Update
	// Score writes log-probabilities and keeps nothing.
	Score
	// Decode appends tokens to the KV cache and writes the logits of each.
	Decode
	// Refresh computes what follows from trained parameters alone. It follows
	// whatever the host wrote to them; Update does the same at its end.
	Refresh
)

// Entry is a list of calls. Tokens is the number of rows it works on.
type Entry struct {
	Kind   EntryKind
	Tokens int
	// Micros are the micro batches of this entry: 1, or the whole accumulation
	// window in layer-major order. IO has one element a micro batch.
	Micros int
	IO     []IO
	Calls  []Call
}

// Call runs a segment with its parameters bound to buffers, after its loads
// and before its saves.
//
// An entry means what its loads, instructions and saves do one after the other,
// call by call. A backend may let copies run beside instructions, as long as
// those that touch the same bytes keep their order:
//   - a load may begin when no earlier call, load or save uses the bytes where To
//     lies, and every earlier save to the bytes where From lies has ended;
//   - a save begins after its call's instructions, and may go on until a later
//     call or load writes to the bytes where From lies, a later copy touches
//     those where To lies, or the entry ends: nothing is under way after Run.
//
// Programs that lower makes give each copy the time of a neighbouring block: what
// call i loads or saves has a place that neighbours of call i do not use.
type Call struct {
	// Loads copy from a buffer of class Host or Parked to one on the device, Saves
	// from one on the device to one of class Parked.
	Loads, Saves []Copy
	Segment      int
	Args         []BufferID
	// Module is added to the Module of each instruction with dropout, so that
	// blocks share a segment though each has masks of its own.
	Module uint32
}

// Attr are an instruction's constants in this call.
func (c *Call) Attr(in *Instr) *Attr {
	if in.Attr.Dropout.P == 0 || c.Module == 0 {
		return &in.Attr
	}
	a := in.Attr
	a.Dropout.Module += c.Module
	return &a
}

// Copy copies a buffer to one of the same shape.
type Copy struct{ From, To BufferID }

// IO are the buffers through which the host talks to a micro batch; all have
// one row a token. Absent ones are -1.
type IO struct {
	IDs       BufferID // I32 [T, 1] token ids
	Positions BufferID // I32 position in its document
	First     BufferID // I32 row of the document's first token
	Last      BufferID // I32 row of the document's last token
	Targets   BufferID // I32 the next token, -1 for none
	Weights   BufferID // F32 loss weight of the target
	Index     BufferID // I32 the token's index in the accumulation window (dropout)
	Order     BufferID // I32 rows in stable order of their id; only where embeddings are trained
	LogProbs  BufferID // F32 out: log-probability of the target, 0 where there is none
	Logits    BufferID // F32 out: Decode only, [T, Vocab]
}

// Scalars are the inputs of one run that are not per token.
type Scalars struct {
	Seed uint64
	// DropoutStep keys dropout, with Seed; Training switches dropout on.
	DropoutStep uint32
	Training    bool
	// Adapter is 1, or 0 to run the base model alone.
	Adapter float32
	// InvN is 1/N of the loss's mean over the accumulation window.
	InvN float32
	// LossScale is a power of two that all gradients are multiplied by until
	// GradNorm and the optimizers divide by it, so that small ones survive
	// rounding to float16; 0 is 1. It must be the same for a whole window and its update.
	LossScale float32

	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float32
	// MaxNorm is the gradient norm above which gradients are scaled down; 0 for none.
	MaxNorm float32

	// Past is the number of tokens in the KV cache before this Decode.
	Past int
	// Tokens is the number of rows of a Decode that are real.
	Tokens int
}

// LossFactor is what the gradient of each target's loss is multiplied by: InvN
// times the loss scale.
func (s *Scalars) LossFactor() float32 { return s.InvN * s.scale() }

// Unscale is what undoes the loss scale in gradients.
func (s *Scalars) Unscale() float32 { return 1 / s.scale() }

func (s *Scalars) scale() float32 {
	if s.LossScale == 0 {
		return 1
	}
	return s.LossScale
}

// Buffer returns the buffer with this name, or -1.
func (p *Program) Buffer(name string) BufferID {
	for i := range p.Buffers {
		if p.Buffers[i].Name == name {
			return BufferID(i)
		}
	}
	return -1
}

// Bytes is the memory that the program asks of a backend, by class.
func (p *Program) Bytes() map[Class]int64 {
	sum := map[Class]int64{}
	for _, b := range p.Blocks {
		sum[b.Class] += b.Size
	}
	return sum
}
