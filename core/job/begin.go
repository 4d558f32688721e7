package job

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/report"
)

// begin reads and tokenises the data while the base model is hashed and goes to the
// device. What fails first ends the rest, and is the error.
func (j *Job) begin(ctx context.Context, o lower.Options) (s *model.Session, baseHash string, err error) {
	sources, err := j.dataSources()
	if err != nil {
		return nil, "", err
	}
	lines := &together{progress: j.Progress, lines: make([]string, 2)}
	defer j.Progress.End()
	err = atOnce(ctx,
		func(ctx context.Context) error {
			defer lines.show(0, "")
			if err := j.tokenise(ctx, sources, func(line string) { lines.show(0, line) }); err != nil {
				return err
			}
			return j.trainable()
		},
		func(ctx context.Context) (err error) {
			defer lines.show(1, "")
			s, err = j.start(ctx, o, func(line string) { lines.show(1, line) })
			return err
		},
		func(ctx context.Context) (err error) {
			baseHash, err = j.baseHash(ctx)
			return err
		},
	)
	if err != nil {
		if s != nil {
			s.Close()
		}
		return nil, "", err
	}
	return s, baseHash, nil
}

// atOnce does all parts at the same time and waits for them. The first that fails ends the
// others' context, and is the error.
func atOnce(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// start puts the model on the device; show is told how far it is.
func (j *Job) start(ctx context.Context, o lower.Options, show func(string)) (*model.Session, error) {
	seed := uint64(j.Config.Seed)
	s, err := j.Base.Start(j.Device, o, seed, func(done, total int64) error {
		show(fmt.Sprintf("loading the base model: %d of %d million parameters", done/1e6, total/1e6))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	switch j.Config.Adapter.Init { // in another way than Start did
	case "gaussian":
		err = s.InitGaussian(seed)
	case "pissa":
		err = s.InitPiSSA(seed, func(done, total int) error {
			show(fmt.Sprintf("PiSSA: singular values of weight %d of %d", done+1, total))
			return ctx.Err()
		})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// baseHash names the base model's content.
func (j *Job) baseHash(ctx context.Context) (string, error) {
	if j.Base.Random {
		return "random", nil
	}
	return j.Base.Folder.Hash(ctx)
}

// together shows in one line what several goroutines tell of their work.
type together struct {
	mu       sync.Mutex
	progress *report.Progress
	lines    []string // "" where nothing is to be told
}

func (t *together) show(i int, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[i] = line
	told := slices.DeleteFunc(slices.Clone(t.lines), func(s string) bool { return s == "" })
	if len(told) > 0 {
		t.progress.Show(strings.Join(told, "; "), false)
	}
}
