package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/loraedge/loraedge/core/conversation"
)

// Format brings raw records of one dataset type into conversations; plugins do it.
type Format interface {
	// Convert returns one Converted a record.
	Convert(datasetType string, records []json.RawMessage) ([]Converted, error)
}

// Converted is a record's conversation, or what is wrong with the record.
type Converted struct {
	Conversation conversation.Conversation
	Problem      string
}

// Encoder brings a conversation into tokens; one may become several examples.
type Encoder interface {
	Encode(conversation.Conversation) ([]Example, error)
}

// Source is one dataset of the configuration.
type Source struct {
	Path, Type string
	Limit      int     // records; 0 for all
	Weight     float64 // multiplies the loss of the source's tokens; 0 means 1
}

// Long says what happens to an example longer than the sequence length.
type Long string

const (
	LongCut   Long = "cut"
	LongDrop  Long = "drop"
	LongError Long = "error"
)

// Counts are what Prepare met.
type Counts struct {
	Records   int `json:"records"`
	Examples  int `json:"examples"`
	Tokens    int `json:"tokens"`
	Trained   int `json:"trained_tokens"`
	Cut       int `json:"cut"`
	Dropped   int `json:"dropped"`
	Untrained int `json:"untrained"` // examples without a token to train on, left out
	Longest   int `json:"longest"`   // before cutting
}

const (
	chunkRecords = 256
	maxProblems  = 5
)

// Prepare reads, converts and encodes the sources into the store. Records with
// problems are collected, the first few shown in one error.
func Prepare(ctx context.Context, sources []Source, f Format, enc Encoder, sequenceLen int, long Long, store *Store, progress func(Counts)) (Counts, error) {
	p := &preparer{ctx: ctx, format: f, encoder: enc, limit: sequenceLen, long: long, store: store, progress: progress}
	for _, s := range sources {
		if err := p.source(s); err != nil {
			return p.counts, err
		}
	}
	if len(p.problems) > 0 {
		return p.counts, p.problemError()
	}
	if err := store.Finish(); err != nil {
		return p.counts, err
	}
	return p.counts, p.checkNotEmpty(sources)
}

type preparer struct {
	ctx      context.Context
	format   Format
	encoder  Encoder
	limit    int
	long     Long
	store    *Store
	progress func(Counts)
	counts   Counts
	problems []string
	failed   int
}

var errEnough = errors.New("enough records")

func (p *preparer) source(s Source) error {
	var chunk []Record
	flush := func() error {
		err := p.chunk(s, chunk)
		chunk = chunk[:0]
		return err
	}
	read := 0
	err := Read(s.Path, func(r Record) error {
		chunk = append(chunk, r)
		read++
		if len(chunk) == chunkRecords {
			if err := flush(); err != nil {
				return err
			}
		}
		if read == s.Limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if read == 0 {
		return fmt.Errorf("dataset %s is empty: it holds no record", s.Path)
	}
	return flush()
}

// chunk converts and encodes records in parallel, and stores them in order.
func (p *preparer) chunk(s Source, records []Record) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	raw := make([]json.RawMessage, len(records))
	for i, r := range records {
		raw[i] = r.JSON
	}
	converted, err := p.format.Convert(s.Type, raw)
	if err != nil {
		return err
	}
	if len(converted) != len(records) {
		return fmt.Errorf("dataset type %q answered %d records for %d", s.Type, len(converted), len(records))
	}
	encoded, errs := p.encode(converted)
	for i := range records {
		if errs[i] != nil {
			p.problem(records[i], errs[i].Error())
			continue
		}
		for _, e := range encoded[i] {
			if err := p.add(records[i], weighted(e, s.Weight)); err != nil {
				return err
			}
		}
	}
	p.counts.Records += len(records)
	if p.progress != nil {
		p.progress(p.counts)
	}
	return nil
}

func (p *preparer) encode(converted []Converted) ([][]Example, []error) {
	out, errs := make([][]Example, len(converted)), make([]error, len(converted))
	var wg sync.WaitGroup
	next := make(chan int, len(converted))
	for i := range converted {
		next <- i
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				if converted[i].Problem != "" {
					errs[i] = errors.New(converted[i].Problem)
				} else {
					out[i], errs[i] = p.encoder.Encode(converted[i].Conversation)
				}
			}
		})
	}
	wg.Wait()
	return out, errs
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

func (p *preparer) add(r Record, e Example) error {
	p.counts.Longest = max(p.counts.Longest, len(e.IDs))
	if len(e.IDs) > p.limit {
		switch p.long {
		case LongDrop:
			p.counts.Dropped++
			return nil
		case LongError:
			p.problem(r, fmt.Sprintf("has %d tokens, more than sequence_len = %d", len(e.IDs), p.limit))
			return nil
		}
		p.counts.Cut++
		e = Example{e.IDs[:p.limit], e.Weights[:p.limit]}
	}
	if e.Trained() == 0 {
		p.counts.Untrained++
		return nil
	}
	p.counts.Examples++
	p.counts.Tokens += len(e.IDs)
	p.counts.Trained += e.Trained()
	return p.store.Add(e)
}

func (p *preparer) problem(r Record, what string) {
	p.failed++
	if len(p.problems) < maxProblems {
		shown := string(r.JSON)
		if len(shown) > 200 {
			shown = strings.ToValidUTF8(shown[:200], "") + "…"
		}
		p.problems = append(p.problems, fmt.Sprintf("%s: %s\n    %s", r.Place(), what, shown))
	}
}

func (p *preparer) problemError() error {
	more := ""
	if n := p.failed - len(p.problems); n > 0 {
		more = fmt.Sprintf("\n… and %d more records", n)
	}
	return fmt.Errorf("%s%s", strings.Join(p.problems, "\n"), more)
}

func (p *preparer) checkNotEmpty(sources []Source) error {
	if p.counts.Examples > 0 {
		return nil
	}
	return fmt.Errorf("nothing to train on: of %d records %d have no token that is trained, %d were cut to sequence_len and %d were dropped as too long; look at roles_to_train, train_on_inputs, sequence_len and the dataset's type (%q)",
		p.counts.Records, p.counts.Untrained, p.counts.Cut, p.counts.Dropped, sources[0].Type)
}
