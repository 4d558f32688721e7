package job

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/core/train"
)

// Deps are what a job is given by the program around it.
type Deps struct {
	Architectures model.Architectures
	Formats       data.Format
	Device        backends.Backend
	// Resolve turns "embedded:…" into a path.
	Resolve  func(string) (string, error)
	Progress *report.Progress
	// CacheDir is the user's folder for what can be made again.
	CacheDir string
	// Version of the program, for run.json.
	Version string
}

// Job is a configuration with its model and data open.
type Job struct {
	Deps
	Config *config.Config
	Base   *model.Base
	Text   *Text
	Store  *data.Store
	Plan   *data.Plan
	Held   []int // examples kept for evaluation
	Counts data.Counts
	Steps  int // optimizer steps
	// Cached says that the tokens are those of an earlier run on the same data.
	Cached  bool
	sources []source
}

// Open opens the base model and the text side, without data.
func Open(c *config.Config, d Deps) (*Job, error) {
	dir, err := d.resolve(c.BaseModel)
	if err != nil {
		return nil, err
	}
	base, err := model.Open(dir, d.Architectures, c.Data.SequenceLen, c.Train.FromScratch)
	if err != nil {
		return nil, err
	}
	j := &Job{Deps: d, Config: c, Base: base}
	j.findSources()
	if j.Text, err = j.openText(); err != nil {
		base.Close()
		return nil, err
	}
	return j, nil
}

func (d Deps) resolve(p config.Path) (string, error) {
	if p.Embedded() {
		return d.Resolve(p.Name)
	}
	return p.Name, nil
}

// Prepare reads and tokenises the data, or finds what an earlier run made of
// it. Tokens lie in the cache or a temporary file until Close.
func (j *Job) Prepare(ctx context.Context) error {
	sources, err := j.dataSources()
	if err != nil {
		return err
	}
	defer j.Progress.End()
	return j.tokenise(ctx, sources, func(line string) { j.Progress.Show(line, false) })
}

func (j *Job) tokenise(ctx context.Context, sources []data.Source, show func(string)) error {
	begin := int32(-1)
	if id, ok := j.Text.Tokenizer.ID(j.Text.special["bos_token"]); ok {
		begin = id
	}
	options := data.Options{
		Format: j.Formats, Encoder: j.Text, SequenceLen: j.Config.Data.SequenceLen, Long: data.Long(j.Config.Data.OnLong), DropDuplicates: j.Config.Data.Deduplicate,
		Ends: j.Text.Stop, Begin: begin, Progress: func(n data.Counts) {
			show(fmt.Sprintf("reading data: %d records, %d tokens", n.Records, n.Tokens))
		},
	}
	settings, err := j.tokenSettings()
	if err != nil {
		return err
	}
	show("reading data: looking for the tokens of an earlier run")
	j.Store, j.Cached, err = data.PrepareCached(ctx, sources, options, settings, j.cache())
	if err != nil {
		return err
	}
	j.Counts = j.Store.Counts()
	return j.plan()
}

// capacity is how many tokens a micro batch has at most.
func (j *Job) capacity() int { return j.Config.Train.MicroBatchSize * j.Config.Data.SequenceLen }

// plan splits off the validation examples and lays out the batches.
func (j *Job) plan() error {
	c := j.Config
	trained, err := j.holdOut()
	if err != nil {
		return err
	}
	j.Plan = &data.Plan{
		Store: j.Store, Train: trained, Seed: uint64(c.Seed), Shuffle: c.Data.Shuffle,
		Packing: c.Data.SamplePacking, Capacity: j.capacity(), Size: c.Train.MicroBatchSize,
		Buckets: data.Buckets(j.capacity()),
	}
	j.Steps = c.Train.MaxSteps
	if j.Steps == 0 {
		j.Steps = train.Steps(j.Plan, c.Train.GradientAccumulationSteps, c.Train.NumEpochs)
	}
	return j.checkSchedule()
}

// holdOut takes out the examples to evaluate on: those of the test datasets,
// or a part drawn by the seed. It gives those to train on.
func (j *Job) holdOut() (trained []int, err error) {
	c, n := j.Config, j.Store.Count()
	if len(c.TestDatasets) > 0 {
		for i := range n {
			if j.sources[j.Store.Source(i)].test {
				j.Held = append(j.Held, i)
			} else {
				trained = append(trained, i)
			}
		}
		if len(trained) == 0 || len(j.Held) == 0 {
			return nil, fmt.Errorf("%d examples are left to train on and %d to evaluate on: one of the two has none with a token that is trained", len(trained), len(j.Held))
		}
		return trained, nil
	}
	held := c.Data.ValSetSize.Count
	if f := c.Data.ValSetSize.Fraction; f > 0 {
		held = max(1, int(f*float64(n)+0.5))
	}
	if held >= n {
		return nil, fmt.Errorf("val_set_size keeps %d of %d examples for evaluation: nothing is left to train on", held, n)
	}
	trained, j.Held = data.Split(n, held, uint64(c.Seed))
	return trained, nil
}

// schedule is the learning rate over the run.
func (j *Job) schedule() train.Schedule {
	t := j.Config.Train
	warmup := t.WarmupSteps
	if t.WarmupRatio > 0 {
		warmup = int(t.WarmupRatio*float64(j.Steps) + 0.999999)
	}
	minRate := t.MinLRRate
	if t.MinLR > 0 {
		minRate = t.MinLR / t.LearningRate
	}
	return train.Schedule{
		Kind: t.LRScheduler, Base: t.LearningRate, Warmup: warmup, Total: j.Steps, NumCycles: t.NumCycles,
		Power: t.Power, End: t.LREnd, MinRate: minRate, Timescale: t.Timescale,
		Decay: t.NumDecaySteps, WarmupType: t.WarmupType, DecayType: t.DecayType,
	}
}

// plateau is what lowers the rate by evaluations, nil where a schedule does.
func (j *Job) plateau() *train.Plateau {
	t := j.Config.Train
	if t.LRScheduler != "reduce_lr_on_plateau" {
		return nil
	}
	return &train.Plateau{
		Factor: t.PlateauFactor, Patience: t.PlateauPatience, Threshold: t.PlateauThreshold,
		Cooldown: t.PlateauCooldown, MinRate: t.MinLR,
	}
}

// checkSchedule says whether the schedule's parts fit the run's steps.
func (j *Job) checkSchedule() error {
	if s := j.schedule(); s.Kind == "warmup_stable_decay" && s.Warmup+s.Decay > s.Total {
		return fmt.Errorf("warmup_stable_decay has %d warm-up steps and num_decay_steps = %d, more than the %d steps of the run; lower num_decay_steps",
			s.Warmup, s.Decay, s.Total)
	}
	return nil
}

func (j *Job) outputPath(name ...string) string {
	return filepath.Join(append([]string{j.Config.OutputDir.Name}, name...)...)
}

// Close frees the files.
func (j *Job) Close() {
	if j.Store != nil {
		j.Store.Close()
	}
	j.Base.Close()
}
