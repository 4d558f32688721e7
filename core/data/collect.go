package data

import (
	"context"
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/data/container"
)

const (
	shownProblems = 5
	// maxProblems ends the reading: a dataset of the wrong type is not read to its end.
	maxProblems = 1000
)

// collector counts and stores what the workers made, in the order of the records.
type collector struct {
	counts   Counts
	options  Options
	store    *Store
	lengths  lengths
	seen     map[[16]byte]bool
	problems []string
	failed   int
	sources  []Source
}

func newCollector(sources []Source, o Options, store *Store) *collector {
	c := &collector{options: o, store: store, lengths: lengths{}, seen: map[[16]byte]bool{}, sources: sources}
	for _, s := range sources {
		c.counts.Sources = append(c.counts.Sources, SourceCounts{Name: s.Name, Type: s.Type, Files: len(s.Files)})
	}
	return c
}

func (c *collector) collect(ctx context.Context, order <-chan *chunk) error {
	for next := range order {
		select {
		case <-next.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range next.items {
			if err := c.item(next.source, next.records[i], &next.items[i]); err != nil {
				return err
			}
		}
		if next.err != nil {
			if len(c.problems) > 0 {
				return c.problemError()
			}
			return next.err
		}
		if c.failed >= maxProblems {
			return c.problemError()
		}
		if c.options.Progress != nil {
			c.options.Progress(c.counts)
		}
	}
	return ctx.Err()
}

func (c *collector) finish() (Counts, error) {
	if len(c.problems) > 0 {
		return c.counts, c.problemError()
	}
	c.lengths.fill(&c.counts)
	if err := c.counts.checkNotEmpty(c.sources); err != nil {
		return c.counts, err
	}
	c.store.meta.Counts = c.counts
	return c.counts, c.store.Finish()
}

func (c *collector) item(source int, r container.Record, it *item) error {
	n := &c.counts
	s := &n.Sources[source]
	n.Records++
	s.Records++
	if it.problem != "" {
		c.problem(r, it.problem)
		return nil
	}
	if c.seen[it.identity] {
		n.Duplicates++
		s.Duplicates++
		n.first("duplicates", r.Place())
		if c.options.DropDuplicates {
			n.Repeats++
			return nil
		}
	}
	c.seen[it.identity] = true
	for _, count := range []struct {
		what string
		of   *int
		add  int
	}{
		{"cut", &n.Cut, it.cut}, {"split", &n.Split, it.split}, {"dropped", &n.Dropped, it.dropped}, {"untrained", &n.Untrained, it.untrained},
		{"expanded", &n.Expanded, one(it.expanded)}, {"template_marks", &n.Marked, one(it.mark != "")}, {"lost", &n.Lost, one(it.lost)}, {"equal_pairs", &n.SamePairs, one(it.samePair)},
		{"empty_answers", &n.EmptyAnswers, one(it.emptyAnswer)}, {"reversed", &n.Reversed, one(it.reversed)},
	} {
		if *count.of += count.add; count.add > 0 {
			place := r.Place()
			if count.what == "template_marks" {
				place += ": " + it.mark
			}
			n.first(count.what, place)
		}
	}
	for _, length := range it.lengths {
		c.lengths[length]++
		n.Longest = max(n.Longest, length)
	}
	for _, e := range it.examples {
		e.source = source
		if err := c.example(s, r, e); err != nil {
			return err
		}
	}
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *collector) example(s *SourceCounts, r container.Record, e sized) error {
	n := &c.counts
	n.Examples++
	s.Examples++
	n.Tokens += e.tokens
	s.Tokens += e.tokens
	n.Trained += e.trained
	s.Trained += e.trained
	if e.openEnded {
		n.OpenEnded++
		n.first("end_of_turn_untrained", r.Place())
	}
	if e.doubleBOS {
		n.DoubleBOS++
		n.first("double_bos", r.Place())
	}
	switch e.kind {
	case Chosen:
		n.Pairs++
	case Desirable:
		n.Desirable++
	case Undesirable:
		n.Undesirable++
	}
	return c.store.add(e.block)
}

func (c *collector) problem(r container.Record, what string) {
	c.failed++
	if len(c.problems) < shownProblems {
		c.problems = append(c.problems, fmt.Sprintf("%s: %s\n    %s", r.Place(), what, shorten(r.JSON)))
	}
}

func (c *collector) problemError() error {
	more := ""
	switch n := c.failed - len(c.problems); {
	case c.failed >= maxProblems:
		more = fmt.Sprintf("\n… and at least %d more records; the rest was not read", n)
	case n > 0:
		more = fmt.Sprintf("\n… and %d more records", n)
	}
	return fmt.Errorf("%s%s", strings.Join(c.problems, "\n"), more)
}
