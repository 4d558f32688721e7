package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/loraedge/loraedge/core/data/container"
)

// Options say how records become examples.
type Options struct {
	Format      Format
	Encoder     Encoder
	SequenceLen int
	Long        Long
	// DropDuplicates leaves records out whose tokens equal an earlier record's.
	DropDuplicates bool
	// Ends are the tokens that end a turn; Begin the one that begins a text, -1 where there is none.
	Ends  []int32
	Begin int32
	// Progress is told the counts so far; nil tells no one.
	Progress func(Counts)
}

const (
	chunkRecords = 256
	chunkBytes   = 1 << 20
)

// chunk is a run of records of one source, on its way from the reader through a worker
// to the collector.
type chunk struct {
	source  int
	records []container.Record
	items   []item // one a record
	err     error  // ends the reading, after the records
	done    chan struct{}
}

// item is what became of a record.
type item struct {
	problem               string
	examples              []sized
	expanded              bool
	mark                  string
	lost                  bool
	emptyAnswer, reversed bool
	identity              [16]byte // of its tokens
	samePair              bool
	lengths               []int // of all its examples, before cutting
	untrained             int   // examples left out
	cut                   int
	split                 int
	dropped               int
}

// sized is an example ready to be stored, and what is counted of it.
type sized struct {
	block
	openEnded, doubleBOS bool
}

// Prepare reads, converts and encodes the sources into the store, in their
// order, whatever the number of processors. Records with problems are collected, the first few shown
// in one error.
func Prepare(ctx context.Context, sources []Source, o Options, store *Store) (Counts, error) {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	order, work := make(chan *chunk, 2*workers), make(chan *chunk, 2*workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(order)
		defer close(work)
		r := reader{ctx: ctx, order: order, work: work}
		for i, s := range sources {
			if !r.source(i, s) {
				return
			}
		}
	})
	for range workers {
		wg.Go(func() {
			for c := range work {
				if ctx.Err() == nil {
					o.process(c, &sources[c.source])
				}
				close(c.done)
			}
		})
	}
	c := newCollector(sources, o, store)
	if err := c.collect(ctx, order); err != nil {
		return c.counts, err
	}
	return c.finish()
}

var errEnough = errors.New("enough records")

// reader cuts the sources into chunks.
type reader struct {
	ctx         context.Context
	order, work chan<- *chunk
}

// source reads one source; false ends the reading.
func (r *reader) source(index int, s Source) bool {
	c := &chunk{source: index, done: make(chan struct{})}
	read, bytes := 0, 0
	var err error
	for _, file := range s.Files {
		err = container.Read(file, func(rec container.Record) error {
			c.records = append(c.records, rec)
			read++
			bytes += len(rec.JSON)
			if len(c.records) >= chunkRecords || bytes >= chunkBytes {
				if !r.send(c) {
					return r.ctx.Err()
				}
				c, bytes = &chunk{source: index, done: make(chan struct{})}, 0
			}
			if read == s.Limit {
				return errEnough
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	switch {
	case r.ctx.Err() != nil: // c may be on its way already
		return false
	case errors.Is(err, errEnough):
	case err != nil:
		c.err = err
	case read == 0:
		c.err = fmt.Errorf("dataset %s is empty: it holds no record", s.Name)
	}
	whole := c.err == nil
	return r.send(c) && whole // c is the worker's now
}

func (r *reader) send(c *chunk) bool {
	for _, to := range []chan<- *chunk{r.work, r.order} {
		select {
		case to <- c:
		case <-r.ctx.Done():
			return false
		}
	}
	return true
}

// process converts and encodes a chunk's records.
func (o *Options) process(c *chunk, s *Source) {
	if len(c.records) == 0 {
		return
	}
	raw := make([]json.RawMessage, len(c.records))
	for i, r := range c.records {
		raw[i] = r.JSON
	}
	converted, err := o.Format.Convert(s.Type, s.Columns, raw)
	if err == nil && len(converted) != len(raw) {
		err = fmt.Errorf("dataset type %q answered %d records for %d", s.Type, len(converted), len(raw))
	}
	if err != nil {
		c.records, c.err = nil, err
		return
	}
	c.items = make([]item, len(converted))
	for i, v := range converted {
		if v.Problem != "" {
			c.items[i].problem = v.Problem
			continue
		}
		encoded, err := o.Encoder.Encode(v.Conversation)
		if err != nil {
			c.items[i].problem = err.Error()
			continue
		}
		c.items[i] = o.item(encoded, s.Weight)
	}
}

// item brings a record's examples to their length and form.
func (o *Options) item(encoded Encoded, weight float64) item {
	it := item{mark: encoded.Mark, lost: encoded.Lost, emptyAnswer: encoded.EmptyAnswer, reversed: encoded.Reversed, identity: identity(encoded.Examples)}
	pair := len(encoded.Examples) == 2 && encoded.Examples[0].Kind == Chosen
	it.samePair = pair && identity(encoded.Examples[:1]) == identity(encoded.Examples[1:])
	it.expanded = len(encoded.Examples) > 1 && !pair
	for _, e := range encoded.Examples {
		it.lengths = append(it.lengths, len(e.IDs))
		whole := sized{openEnded: o.openEnded(e), doubleBOS: o.doubleBOS(e)}
		for i, part := range o.fit(&it, e) {
			if part.Trained() == 0 {
				it.untrained++
				continue
			}
			s := sized{block: newBlock(weighted(part, weight))}
			if i == 0 {
				s.openEnded, s.doubleBOS = whole.openEnded, whole.doubleBOS
			}
			it.examples = append(it.examples, s)
		}
	}
	if pair && len(it.examples) == 1 { // one half of a pair says nothing
		it.examples = nil
	}
	return it
}

// fit brings an example to the sequence length, and counts what was done.
func (o *Options) fit(it *item, e Example) []Example {
	switch {
	case len(e.IDs) <= o.SequenceLen:
		return []Example{e}
	case o.Long == LongError:
		it.problem = fmt.Sprintf("has %d tokens, more than sequence_len = %d", len(e.IDs), o.SequenceLen)
		return nil
	case o.Long == LongDrop:
		it.dropped++
		return nil
	case o.Long == LongSplit && e.Kind == Plain:
		it.split++
		return split(e, o.SequenceLen)
	}
	it.cut++
	return []Example{{IDs: e.IDs[:o.SequenceLen], Weights: e.Weights[:o.SequenceLen], Kind: e.Kind}}
}

// identity tells records apart by their tokens.
func identity(examples []Example) [16]byte {
	h := sha256.New()
	for _, e := range examples {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(e.IDs)))
		for _, id := range e.IDs {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
		h.Write(b)
	}
	var sum [16]byte
	copy(sum[:], h.Sum(nil))
	return sum
}

// openEnded says whether no end-of-turn token is trained in the example's last
// trained part.
func (o *Options) openEnded(e Example) bool {
	i := len(e.IDs) - 1
	for i > 0 && e.Weights[i] == 0 {
		i--
	}
	for ; i > 0 && e.Weights[i] != 0; i-- {
		for _, end := range o.Ends {
			if e.IDs[i] == end {
				return false
			}
		}
	}
	return len(o.Ends) > 0 && e.Trained() > 0
}

func (o *Options) doubleBOS(e Example) bool {
	return o.Begin >= 0 && len(e.IDs) > 1 && e.IDs[0] == o.Begin && e.IDs[1] == o.Begin
}

// weighted multiplies an example's loss weights.
func weighted(e Example, by float64) Example {
	if by != 0 && by != 1 {
		for i := range e.Weights {
			e.Weights[i] *= float32(by)
		}
	}
	return e
}
