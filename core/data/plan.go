package data

import "iter"

// Plan lists the batches of a run: which examples each holds, by epoch.
type Plan struct {
	Store    *Store
	Train    []int
	Seed     uint64
	Shuffle  bool
	Packing  bool
	Capacity int   // tokens of a batch
	Size     int   // examples of a batch, without packing
	Buckets  []int // compiled batch sizes in falling order
}

// Epoch lists the batches of one epoch.
func (p *Plan) Epoch(epoch int) [][]int {
	return p.group(EpochOrder(p.Train, epoch, p.Seed, p.Shuffle))
}

func (p *Plan) group(order []int) [][]int {
	if p.Packing {
		return Pack(order, p.Store.Len, p.Capacity)
	}
	return Group(order, p.Size)
}

// Window reads the batches of one accumulation window.
func (p *Plan) Window(batches [][]int) ([]*Batch, error) {
	index := 0
	var window []*Batch
	for _, items := range batches {
		b, err := p.batch(items, index)
		if err != nil {
			return nil, err
		}
		index += len(b.IDs)
		window = append(window, b)
	}
	return window, nil
}

func (p *Plan) batch(items []int, index int) (*Batch, error) {
	var examples []Example
	total := 0
	for _, i := range items {
		e, err := p.Store.Example(i)
		if err != nil {
			return nil, err
		}
		total += len(e.IDs)
		examples = append(examples, e)
	}
	return NewBatch(examples, Bucket(p.Buckets, total), index), nil
}

// Validation lists the batches of held-out examples, in file order.
func (p *Plan) Validation(held []int) [][]int { return p.group(held) }

// Read reads batches one at a time, each as a window of its own.
func (p *Plan) Read(batches [][]int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		for _, items := range batches {
			if b, err := p.batch(items, 0); !yield(b, err) || err != nil {
				return
			}
		}
	}
}
