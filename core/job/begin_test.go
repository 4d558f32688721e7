package job

import (
	"context"
	"errors"
	"testing"
)

// A bad record ends the loading of a base model that never would, and is the error
// that is told.
func TestABadRecordEndsTheLoading(t *testing.T) {
	badRecord := errors.New("data.jsonl:7 (record 7): \"text\" is missing")
	loading, hashed := make(chan struct{}), false
	err := atOnce(context.Background(),
		func(context.Context) error {
			<-loading
			return badRecord
		},
		func(ctx context.Context) error {
			close(loading)
			<-ctx.Done() // as the model's progress asks after each parameter
			return ctx.Err()
		},
		func(context.Context) error {
			hashed = true
			return nil
		},
	)
	if err != badRecord || !hashed {
		t.Errorf("error %v, wanted the record's; hashed: %v", err, hashed)
	}
}

func TestAnInterruptEndsAllParts(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	err := atOnce(ctx, wait, wait, func(context.Context) error {
		interrupt()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
