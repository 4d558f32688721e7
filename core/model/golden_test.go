package model_test

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/cpu"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/core/train"
	"github.com/loraedge/loraedge/formats/adapter"
	"github.com/loraedge/loraedge/formats/safetensors"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// The goldens are from Transformers and PEFT: testdata/goldens/README.md.
const goldens = "../../testdata/goldens"

// bound is on ‖x−x*‖/‖x*‖ of each tensor, and on each loss.
const bound = 1e-4

var models = []string{"llama", "llama3-rope", "mistral", "qwen2"}

// inProcess is the built-in architectures without their subprocess.
type inProcess struct{}

func (inProcess) Architecture(modelType string, config []byte, tensors []model.Tensor, sequenceLen int) (*graph.Graph, error) {
	for _, a := range builtin.Plugin().Architectures {
		if a.Describe().Name != modelType {
			continue
		}
		r := sdk.Request{Family: modelType, Config: config, SequenceLen: sequenceLen}
		for _, t := range tensors {
			r.Tensors = append(r.Tensors, sdk.Tensor{Name: t.Name, Shape: t.Shape, DType: t.DType})
		}
		return a.Build(r)
	}
	return nil, fmt.Errorf("no architecture %q", modelType)
}

func devices(t *testing.T) map[string]backends.Backend {
	t.Helper()
	c, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]backends.Backend{"reference": reference.New[float32](), "cpu": c}
}

// golden is a folder of testdata/goldens.
type golden struct {
	t    *testing.T
	file *safetensors.File
}

func openGolden(t *testing.T, name string) *golden {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(goldens, name, "golden.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &golden{t, f}
}

func (g *golden) floats(name string) []float32 {
	g.t.Helper()
	tensor, ok := g.file.Tensor(name)
	if !ok {
		g.t.Fatalf("no golden %s", name)
	}
	values, err := safetensors.Float32s(tensor)
	if err != nil {
		g.t.Fatal(err)
	}
	return values
}

func (g *golden) ints(name string) []int32 {
	g.t.Helper()
	tensor, ok := g.file.Tensor(name)
	if !ok {
		g.t.Fatalf("no golden %s", name)
	}
	values := make([]int32, tensor.Elements())
	for i := range values {
		d := tensor.Data[4*i:]
		values[i] = int32(uint32(d[0]) | uint32(d[1])<<8 | uint32(d[2])<<16 | uint32(d[3])<<24)
	}
	return values
}

// batch reads the tensors of a batch whose names begin with prefix.
func (g *golden) batch(prefix string) *data.Batch {
	b := &data.Batch{
		IDs: g.ints(prefix + "ids"), Positions: g.ints(prefix + "positions"), First: g.ints(prefix + "first"), Last: g.ints(prefix + "last"),
		Targets: g.ints(prefix + "targets"), Weights: g.floats(prefix + "weights"),
	}
	return finishBatch(b)
}

func finishBatch(b *data.Batch) *data.Batch {
	plain := data.NewBatch([]data.Example{{IDs: b.IDs, Weights: make([]float32, len(b.IDs))}}, len(b.IDs), 0)
	b.Index, b.Order, b.Tokens = plain.Index, plain.Order, len(b.IDs)
	if b.Positions == nil {
		b.Positions, b.First, b.Last = plain.Positions, plain.First, plain.Last
	}
	return b
}

func openBase(t *testing.T, name string) *model.Base {
	t.Helper()
	b, err := model.Open(filepath.Join(goldens, name), inProcess{}, 64, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func withAdapter(t *testing.T, b *model.Base, d backends.Backend, dir string, o lower.Options) *model.Session {
	t.Helper()
	s, err := b.StartWith(d, o, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if e := distance(got, want); !(e < bound) {
		t.Errorf("%s differs from the golden by %.2g", what, e)
	}
}

// distance is ‖got−want‖/‖want‖.
func distance(got, want []float32) float64 {
	var diff, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		diff += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(diff / norm)
}

func nearLoss(t *testing.T, what string, got float64, want float32) {
	t.Helper()
	if !(math.Abs(got-float64(want)) < bound*float64(want)) {
		t.Errorf("%s: loss %.6f, golden %.6f", what, got, want)
	}
}

func each(t *testing.T, run func(t *testing.T, name string, d backends.Backend)) {
	for device, d := range devices(t) {
		for _, name := range models {
			t.Run(device+"/"+name, func(t *testing.T) { run(t, name, d) })
		}
	}
}

func scalars(b *data.Batch) *program.Scalars {
	return &program.Scalars{Training: true, Adapter: 1, InvN: float32(1 / b.SumWeights())}
}

func TestLossAndGradients(t *testing.T) {
	each(t, func(t *testing.T, name string, d backends.Backend) {
		g := openGolden(t, name)
		for _, prefix := range []string{"", "packed."} {
			for _, keep := range []int{0, 1, lower.KeepAll} {
				b := g.batch(prefix)
				s := withAdapter(t, openBase(t, name), d, filepath.Join(goldens, name, "adapter"), lower.Options{Train: []int{len(b.IDs)}, Keep: keep})
				sum, err := s.Step(b, scalars(b))
				if err != nil {
					t.Fatal(err)
				}
				nearLoss(t, prefix, sum/b.SumWeights(), g.floats(prefix + "loss")[0])
				for _, r := range s.Lowered.Program.Ranges {
					got, err := s.Gradient(r.Name)
					if err != nil {
						t.Fatal(err)
					}
					near(t, prefix+"grad."+r.Name, got, g.floats(prefix+"grad."+r.Name))
				}
			}
		}
	})
}

func TestBaseLoss(t *testing.T) {
	each(t, func(t *testing.T, name string, d backends.Backend) {
		g := openGolden(t, name)
		b := g.batch("")
		s := withAdapter(t, openBase(t, name), d, filepath.Join(goldens, name, "adapter"), lower.Options{Train: []int{len(b.IDs)}})
		loss, err := train.Evaluate(t.Context(), s, func(yield func(*data.Batch, error) bool) { yield(b, nil) }, 0)
		if err != nil {
			t.Fatal(err)
		}
		nearLoss(t, "base", loss, g.floats("loss_base")[0])
	})
}

func TestLogits(t *testing.T) {
	each(t, func(t *testing.T, name string, d backends.Backend) {
		g := openGolden(t, name)
		ids, want := g.ints("ids"), g.floats("logits")
		vocab := len(want) / len(ids)
		s := withAdapter(t, openBase(t, name), d, filepath.Join(goldens, name, "adapter"), lower.Options{Decode: []int{1, 16}, Cache: 64})
		past := 0
		for past < len(ids) {
			n := min(16, len(ids)-past)
			if past > 30 {
				n = 1
			}
			logits, err := s.Decode(ids[past:past+n], past)
			if err != nil {
				t.Fatal(err)
			}
			past += n
			near(t, fmt.Sprintf("logits of token %d", past-1), logits, want[(past-1)*vocab:past*vocab])
		}
	})
}

func TestFullGradients(t *testing.T) {
	for device, d := range devices(t) {
		for _, name := range []string{"llama", "qwen2"} {
			t.Run(device+"/"+name, func(t *testing.T) {
				g := openGolden(t, name)
				b := g.batch("")
				s, err := openBase(t, name).Start(d, lower.Options{Train: []int{len(b.IDs)}, Full: true}, 0, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				sum, err := s.Step(b, scalars(b))
				if err != nil {
					t.Fatal(err)
				}
				nearLoss(t, "full", sum/b.SumWeights(), g.floats("full.loss")[0])
				for _, r := range s.Lowered.Program.Ranges {
					got, err := s.Gradient(r.Name)
					if err != nil {
						t.Fatal(err)
					}
					near(t, r.Name, got, g.floats("full.grad."+r.Name))
				}
			})
		}
	}
}

// TestTwentySteps repeats PEFT's training: AdamW, clipping, cosine schedule.
func TestTwentySteps(t *testing.T) {
	each(t, func(t *testing.T, name string, d backends.Backend) {
		g := openGolden(t, name)
		s := withAdapter(t, openBase(t, name), d, filepath.Join(goldens, name, "adapter"), lower.Options{Train: []int{goldenRows}})
		twentySteps(t, s, g, g)
		finalAdapter(t, s, g, model.AdapterSettings{BaseModel: name, Rank: 4, Alpha: 8})
	})
}

// goldenRows is the length of the goldens' training texts.
const goldenRows = 32

// twentySteps trains on the texts of one golden and compares losses and
// gradient norms with another's.
func twentySteps(t *testing.T, s *model.Session, texts, g *golden) {
	t.Helper()
	const steps, rows = 20, goldenRows
	ids, targets, weights := texts.ints("train.ids"), texts.ints("train.targets"), texts.floats("train.weights")
	losses, norms := g.floats("train.losses"), g.floats("train.grad_norms")
	schedule := train.Schedule{Kind: "cosine", Base: 1e-2, Warmup: 3, Total: steps}
	for i := range steps {
		b := finishBatch(&data.Batch{
			IDs: ids[i*rows : (i+1)*rows], Targets: targets[i*rows : (i+1)*rows], Weights: weights[i*rows : (i+1)*rows],
		})
		sc := scalars(b)
		sc.LearningRate, sc.Beta1, sc.Beta2, sc.Epsilon, sc.WeightDecay, sc.MaxNorm = float32(schedule.Rate(i)), 0.9, 0.999, 1e-8, 0.01, 1
		sum, err := s.Step(b, sc)
		if err != nil {
			t.Fatal(err)
		}
		nearLoss(t, fmt.Sprintf("step %d", i+1), sum/b.SumWeights(), losses[i])
		norm, err := s.Update(sc)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("gradient norm of step %d", i+1), []float32{float32(norm)}, norms[i:i+1])
	}
}

// finalAdapter compares the adapter that a session saves with the golden's.
func finalAdapter(t *testing.T, s *model.Session, g *golden, settings model.AdapterSettings) {
	t.Helper()
	dir := t.TempDir()
	if err := s.SaveAdapter(dir, settings); err != nil {
		t.Fatal(err)
	}
	saved, err := adapter.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range saved.Modules {
		near(t, m.Path+".lora_A", m.A, g.floats("train.final."+m.Path+".lora_A.weight"))
		near(t, m.Path+".lora_B", m.B, g.floats("train.final."+m.Path+".lora_B.weight"))
		if settings.UseDoRA {
			near(t, m.Path+".lora_magnitude_vector", m.Magnitude, g.floats("train.final."+m.Path+".lora_magnitude_vector"))
		}
	}
}

// TestPlannedBytes: what the plan says is what the backend asks for.
func TestPlannedBytes(t *testing.T) {
	each(t, func(t *testing.T, name string, d backends.Backend) {
		o := lower.Options{Train: []int{40}, Decode: []int{1, 16}, Cache: 64}
		s := withAdapter(t, openBase(t, name), d, filepath.Join(goldens, name, "adapter"), o)
		var planned int64
		for _, n := range s.Lowered.Program.Bytes() {
			planned += n
		}
		if got := s.Allocated(); got != planned {
			t.Errorf("allocated %d bytes, planned %d", got, planned)
		}
	})
}

func TestWeightsThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	base := openBase(t, "llama")
	var config map[string]any
	if err := json.Unmarshal(base.Folder.Config.Bytes(), &config); err != nil {
		t.Fatal(err)
	}
	config["intermediate_size"] = 81
	changed, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	writeFolder(t, dir, changed, filepath.Join(goldens, "llama", "model.safetensors"))
	_, err = model.Open(dir, inProcess{}, 64, false)
	if err == nil || !strings.Contains(err.Error(), "mlp") || !strings.Contains(err.Error(), "81") {
		t.Errorf("got %v", err)
	}
}
