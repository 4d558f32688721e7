package lower

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Options say what to compile.
type Options struct {
	// Adapter attaches LoRA to linears; nil for none.
	Adapter *LoRA
	// Full trains every parameter of the graph.
	Full bool

	// Train lists the numbers of tokens for which Forward, Backward, Step and
	// Score are compiled; the entries share one arena.
	Train []int
	// Score lists further numbers of tokens for which only Score is compiled.
	Score []int
	// Micros above 1 compiles Step in layer-major order: all micro batches of
	// the window through a block before the next block.
	Micros int
	// Keep is the number of blocks, counted from the last, whose activations are
	// kept for the backward pass; KeepAll is every one. Of the others only the
	// input is kept, and the block is computed again.
	Keep int
	// Stream is the number of blocks, counted from the last, whose frozen
	// weights lie in the host's memory and are loaded when they are needed.
	Stream int
	// Park is the number of blocks, counted from the first, whose input waits in
	// the host's memory between forward and backward; all but the last at most.
	Park int
	// HeadRows is the number of rows whose logits exist at a time.
	HeadRows int

	// Decode lists the numbers of tokens a Decode may append, and Cache the
	// capacity of the KV cache in tokens.
	Decode []int
	Cache  int

	// Store says how a frozen matrix is held in memory; block: it is the weight
	// of a block's linear, else a table or the head's weight. nil is F32, as
	// vectors and whatever is trained always are.
	Store func(param string, block bool) dtype.DType
	// Compute is what the factors of products, of linears and of attention, are rounded to; 0 for none.
	Compute dtype.DType
	// Narrow holds activations in Compute that only products read, NarrowLinears also
	// those that linears and attention's gradient write; backends.Device says what it takes.
	Narrow, NarrowLinears bool

	// Optimizer is what Update applies.
	Optimizer Optimizer
	// Noise is NEFTune's alpha: the size of the noise on embeddings in training; 0 for none.
	Noise float32

	// MaxBlock is how large a block gets that buffers share, in bytes, MaxBuffer the
	// device's largest allocation, for a buffer that is larger; 0 for no limit.
	MaxBlock, MaxBuffer int64
}

// KeepAll is more blocks than a model has.
const KeepAll = 1 << 30

// LoRA says which linears get an adapter.
type LoRA struct {
	// Target returns the rank and scale (alpha/r) of a module's adapter, and
	// whether it gets one.
	Target func(module string) (rank int, scale float32, ok bool)
	// Dropout is the probability of dropping an element of the adapter's input.
	Dropout float32
	// DoRA gives each adapter a trained magnitude for every output (Liu et al., 2024).
	DoRA bool
	// RatioB multiplies the learning rate of B and of magnitudes (LoRA+; Hayou et al., 2024); 0 is 1.
	RatioB float32
}

// Model is a lowered program and the names by which the host finds its memory.
type Model struct {
	Program *program.Program
	// Weights binds every parameter of the graph to its buffer.
	Weights map[string]program.BufferID
	// Consts are the buffers whose content the graph itself gives.
	Consts []Const
	// Modules are the linears that have an adapter, in the graph's order.
	Modules []Module

	// The regions of what is trained, [1, N] each, and the optimizer's counters; -1
	// where nothing is.
	Params, Grads, Optimizer program.BufferID
	// State is what a checkpoint keeps: Params, Optimizer and the optimizer's moments.
	State []Region
}

// Region is a buffer that training changes.
type Region struct {
	Name   string
	Buffer program.BufferID
}

// Const is a buffer with known content.
type Const struct {
	Buffer program.BufferID
	Data   []float32
}

// Module is a linear with an adapter: A [Rank, In], B [Out, Rank]; with DoRA also
// Magnitude [1, Out] and Norm [1, Out], the norms of W + Scale·B·A that Refresh
// computes, else -1.
type Module struct {
	Name            string
	Rank, In, Out   int
	Scale           float32
	A, B            program.BufferID
	Magnitude, Norm program.BufferID
}

type lowerer struct {
	Options
	graph    *graph.Graph
	segments []graph.Segment // embed, blocks, head
	model    *Model
	prog     *program.Program

	shapes   map[string][]int            // of graph params
	types    map[string]dtype.DType      // of graph params that are not F32
	grads    map[string]program.BufferID // of trained params and of A and B, by their name
	adapters map[string]*Module
	ids      map[string]uint32 // dropout module numbers
	consts   map[string]program.BufferID
	caches   map[string]program.BufferID // KV caches by cacheName
	arena    *space
	parked   *space
	shared   map[int]string // what blocks of one code have in common; see pass.shape
	moments  moments
	refresh  []program.Call // of Refresh
	stream   *stream
}

// Lower compiles g. The graph must have passed its Check. An error says which
// buffer does not fit the device.
func Lower(g *graph.Graph, o Options) (*Model, error) {
	if o.HeadRows <= 0 {
		o.HeadRows = 256
	}
	if o.Micros <= 0 {
		o.Micros = 1
	}
	l := &lowerer{
		Options: o, graph: g, segments: g.Segments(), prog: &program.Program{},
		shapes: map[string][]int{}, types: map[string]dtype.DType{}, grads: map[string]program.BufferID{}, adapters: map[string]*Module{},
		ids: map[string]uint32{}, consts: map[string]program.BufferID{}, caches: map[string]program.BufferID{}, shared: map[int]string{},
	}
	none := program.BufferID(-1)
	l.model = &Model{
		Program: l.prog, Weights: map[string]program.BufferID{},
		Params: none, Grads: none, Optimizer: none,
	}
	if err := l.allocateParameters(); err != nil {
		return nil, err
	}
	l.arena, l.parked = l.newSpace(), l.newSpace()
	for _, t := range o.Train {
		if err := l.trainEntries(t); err != nil {
			return nil, err
		}
	}
	for _, t := range o.Score {
		if err := l.scoreEntries(t); err != nil {
			return nil, err
		}
	}
	if len(o.Decode) > 0 {
		if err := l.decodeEntries(); err != nil {
			return nil, err
		}
	}
	if l.dora() {
		l.refreshEntry()
	}
	if l.model.Params >= 0 && len(o.Train) > 0 {
		l.updateEntry()
	}
	l.numberBlocks()
	return l.model, nil
}

// allocateParameters gives every parameter a buffer: frozen ones among the
// weights, trained ones inside the contiguous regions.
func (l *lowerer) allocateParameters() error {
	weights := l.newSpace()
	place := func(name string, rows, cols int) (program.BufferID, error) {
		return l.newBuffer(program.Weights, weights, name, l.stored(name), rows, cols)
	}
	l.newStream()
	blocks := l.blockWeights()
	tables := l.embeddings()
	var trained []trainedTensor
	for _, p := range l.graph.Params {
		l.shapes[p.Name] = p.Shape
		rows, cols := matrix(p.Shape)
		if l.Full {
			trained = append(trained, trainedTensor{name: p.Name, rows: rows, cols: cols, decay: len(p.Shape) > 1, embedding: tables[p.Name]})
			continue
		}
		if l.Store != nil && len(p.Shape) > 1 {
			l.types[p.Name] = l.Store(p.Name, blocks[p.Name])
		}
		var err error
		if block, ok := l.stream.blocks[p.Name]; ok {
			l.model.Weights[p.Name], err = l.stream.place(l, weights, block, p.Name, l.stored(p.Name), rows, cols)
		} else {
			l.model.Weights[p.Name], err = place(p.Name, rows, cols)
		}
		if err != nil {
			return err
		}
	}
	for i, s := range l.graph.Segments() {
		for _, op := range s.Ops {
			if op.Kind == graph.RoPE {
				if err := l.constant(op.InvFreq, place); err != nil {
					return err
				}
			}
			if op.Kind == graph.Linear && i > 0 {
				trained = append(trained, l.adapterTensors(op)...)
			}
		}
	}
	l.addBlocks(program.Weights, weights)
	return l.allocateRegions(trained)
}

// stored is the type of a parameter's buffer.
func (l *lowerer) stored(param string) dtype.DType {
	if t, ok := l.types[param]; ok {
		return t
	}
	return dtype.F32
}

// blockWeights are the weights of the blocks' linears.
func (l *lowerer) blockWeights() map[string]bool {
	weights := map[string]bool{}
	for _, b := range l.graph.Blocks {
		for _, op := range b.Ops {
			if op.Kind == graph.Linear {
				weights[op.Weight] = true
			}
		}
	}
	return weights
}

func (l *lowerer) view(region program.BufferID, name string, offset int64, rows, cols int) program.BufferID {
	place := l.prog.Buffers[region].Place
	place.Offset += 4 * offset
	return l.addBuffer(program.Buffer{Name: name, DType: dtype.F32, Rows: rows, Cols: cols, Place: place})
}

func (l *lowerer) constant(data []float32, place func(string, int, int) (program.BufferID, error)) error {
	key := fmt.Sprint(data)
	if _, ok := l.consts[key]; ok {
		return nil
	}
	id, err := place(fmt.Sprintf("inv_freq.%d", len(l.consts)), 1, len(data))
	if err != nil {
		return err
	}
	l.consts[key] = id
	l.model.Consts = append(l.model.Consts, Const{id, data})
	return nil
}

// newBuffer places a buffer for the program's whole life.
func (l *lowerer) newBuffer(class program.Class, s *space, name string, t dtype.DType, rows, cols int) (program.BufferID, error) {
	b := program.Buffer{Name: name, DType: t, Rows: rows, Cols: cols}
	place, err := s.forever(b.Bytes())
	if err != nil {
		return -1, fmt.Errorf("%s [%d, %d]: %w", name, rows, cols, err)
	}
	b.Place = place
	if numberedLast(class) {
		b.Place.Block = unnumbered(class, place.Block)
	} else {
		b.Place.Block += len(l.prog.Blocks)
	}
	return l.addBuffer(b), nil
}

func (l *lowerer) addBuffer(b program.Buffer) program.BufferID {
	l.prog.Buffers = append(l.prog.Buffers, b)
	return program.BufferID(len(l.prog.Buffers) - 1)
}

func (l *lowerer) addBlocks(class program.Class, s *space) {
	for _, size := range s.sizes {
		l.prog.Blocks = append(l.prog.Blocks, program.Block{Class: class, Size: size})
	}
}

// Blocks of these classes are numbered only when all entries are known: until
// then each has a number below zero.
var lastClasses = []program.Class{program.Arena, program.Parked, program.Host}

func numberedLast(c program.Class) bool { return slices.Contains(lastClasses, c) }

const mostBlocks = 1 << 24

func unnumbered(c program.Class, block int) int { return -1 - block - int(c)*mostBlocks }

// numberBlocks adds the blocks of lastClasses to the program.
func (l *lowerer) numberBlocks() {
	base := map[program.Class]int{}
	for _, c := range lastClasses {
		base[c] = len(l.prog.Blocks)
		l.addBlocks(c, map[program.Class]*space{program.Arena: l.arena, program.Parked: l.parked, program.Host: l.stream.host}[c])
	}
	number := func(p *program.Place) {
		if p.Block < 0 {
			n := -1 - p.Block
			p.Block = base[program.Class(n/mostBlocks)] + n%mostBlocks
		}
	}
	for i := range l.prog.Buffers {
		number(&l.prog.Buffers[i].Place)
	}
	for i := range l.prog.Segments {
		locals := l.prog.Segments[i].Locals
		for j := range locals {
			number(&locals[j].Place)
		}
	}
}

// matrix is a parameter's shape as rows and columns; a vector is one row.
func matrix(shape []int) (rows, cols int) {
	if len(shape) == 1 {
		return 1, shape[0]
	}
	return shape[0], shape[1]
}
