package model

import (
	"errors"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/program"
)

// Timed is an entry of the session's program and the time of each of its
// instructions in one run.
type Timed struct {
	Entry int
	Times []backends.Timing
}

// Seconds is the sum of all times.
func (t Timed) Seconds() float64 {
	var sum float64
	for _, x := range t.Times {
		sum += x.Seconds
	}
	return sum
}

// TimeStep is Step with the time of each instruction.
func (s *Session) TimeStep(b *data.Batch, sc *program.Scalars) (Timed, error) {
	entry, err := s.entry(program.Step, len(b.IDs), 1)
	if err != nil {
		return Timed{}, err
	}
	if err := s.writeBatch(s.io(entry, 0), b); err != nil {
		return Timed{}, err
	}
	return s.time(entry, sc)
}

// TimeUpdate is Update with the time of each instruction.
func (s *Session) TimeUpdate(sc *program.Scalars) (Timed, error) {
	entry, err := s.entry(program.Update, 0, 0)
	if err != nil {
		return Timed{}, err
	}
	return s.time(entry, sc)
}

func (s *Session) time(entry int, sc *program.Scalars) (Timed, error) {
	timer, ok := s.exe.(backends.Timer)
	if !ok {
		return Timed{}, errors.New("this device cannot time single instructions")
	}
	times, err := timer.Time(entry, sc)
	return Timed{entry, times}, err
}
