package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const minimal = `
base_model = "models/tiny"
output_dir = "out"
[[datasets]]
path = "data.jsonl"
type = "alpaca"
`

func parse(t *testing.T, text string, sets ...string) *Config {
	t.Helper()
	c, err := Parse("run/lora.toml", []byte(text), sets)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return c
}

// The defaults are a promise to users: a change of one shows here.
func TestDefaults(t *testing.T) {
	want := &Config{
		BaseModel: Path{"models/tiny", "run/models/tiny"},
		OutputDir: Path{"out", "run/out"},
		Seed:      42,
		Adapter: Adapter{
			Kind: "lora", LoraR: 16, LoraAlpha: 32,
			LoraTargetModules: TargetModules{AllLinear: true},
			ModulesToSave:     []string{}, Init: "default",
		},
		Quantization: Quantization{QuantType: "nf4", DoubleQuant: true},
		Datasets: []Dataset{{
			Path: Path{"data.jsonl", "run/data.jsonl"}, Type: "alpaca", Columns: Columns{}, Split: "train", Weight: 1,
		}},
		TestDatasets: []Dataset{},
		Data: Data{
			SequenceLen: 2048, SamplePacking: true, Shuffle: true, OnLong: "cut", DatasetPreparedPath: PreparedPath{Auto: true},
			RolesToTrain: []string{"assistant"}, TrainOnEOS: "turn",
			ChatTemplate: ChatTemplate{Name: "tokenizer"},
		},
		Train: Train{
			NumEpochs: 1, MicroBatchSize: 1, GradientAccumulationSteps: 4,
			LearningRate: 2e-4, LRScheduler: "cosine", WarmupRatio: 0.03, Power: 1, LREnd: 1e-7, WarmupType: "linear", DecayType: "cosine",
			PlateauFactor: 0.1, PlateauPatience: 10, PlateauThreshold: 1e-4,
			Optimizer: "adamw",
			AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1,
			SaveSteps: 100, SaveTotalLimit: 2, LoggingSteps: 1,
		},
		Device: Device{
			Backend: "auto", Device: DeviceChoice{Auto: true, Index: -1}, Dtype: "auto",
			Memory: Memory{Auto: true}, GradientCheckpointing: Auto,
		},
		Report:  Report{SamplePrompts: []string{}},
		Plugins: Plugins{Paths: []Path{}, SHA256: Pins{}},
	}
	if diff := cmp.Diff(want, parse(t, minimal)); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestEveryFormOfValue(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := strings.Repeat("0A", 32)
	for _, c := range []struct {
		set  string
		got  func(*Config) any
		want any
	}{
		{`base_model="embedded:demo"`, func(c *Config) any { return c.BaseModel }, Path{"embedded:demo", "embedded:demo"}},
		{`base_model="/models/x"`, func(c *Config) any { return c.BaseModel }, Path{"/models/x", "/models/x"}},
		{`base_model="../x"`, func(c *Config) any { return c.BaseModel }, Path{"../x", "x"}},
		{`base_model="~/x"`, func(c *Config) any { return c.BaseModel }, Path{"~/x", filepath.Join(home, "x")}},
		{`datasets.0.path="embedded:demo"`, func(c *Config) any { return c.Datasets[0].Path.Embedded() }, true},
		{`test_datasets=[{path = "t"}]`, func(c *Config) any { return c.TestDatasets[0].Split }, "validation"},
		{`datasets.0.type=my-plugin`, func(c *Config) any { return c.Datasets[0].Type }, DatasetType("my-plugin")},
		{`adapter.lora_alpha=8`, func(c *Config) any { return c.Adapter.LoraAlpha }, 8.0},
		{`adapter.use_rslora=true`, func(c *Config) any { return c.Adapter.UseRSLora }, true},
		{`adapter.lora_target_modules=["q_proj","v_proj"]`, func(c *Config) any { return c.Adapter.LoraTargetModules }, TargetModules{Names: []string{"q_proj", "v_proj"}}},
		{`adapter.lora_target_modules=all-linear`, func(c *Config) any { return c.Adapter.LoraTargetModules }, TargetModules{AllLinear: true}},
		{`data.val_set_size=0.05`, func(c *Config) any { return c.Data.ValSetSize }, ValSetSize{Fraction: 0.05}},
		{`data.val_set_size=100`, func(c *Config) any { return c.Data.ValSetSize }, ValSetSize{Count: 100}},
		{`data.val_set_size=0`, func(c *Config) any { return c.Data.ValSetSize.None() }, true},
		{`data.roles_to_train=["user","tool"]`, func(c *Config) any { return c.Data.RolesToTrain }, []string{"user", "tool"}},
		{`data.chat_template=chatml`, func(c *Config) any { return c.Data.ChatTemplate }, ChatTemplate{Name: "chatml"}},
		{`data.chat_template=tokenizer:tool_use`, func(c *Config) any { return c.Data.ChatTemplate }, ChatTemplate{Name: "tokenizer", Own: "tool_use"}},
		{`data.chat_template=my.jinja`, func(c *Config) any { return c.Data.ChatTemplate }, ChatTemplate{File: Path{"my.jinja", "run/my.jinja"}}},
		{`device.memory=8GiB`, func(c *Config) any { return c.Device.Memory }, Memory{Bytes: 8 << 30}},
		{`device.memory="1.5 GB"`, func(c *Config) any { return c.Device.Memory }, Memory{Bytes: 1.5e9}},
		{`device.device=1`, func(c *Config) any { return c.Device.Device }, DeviceChoice{Index: 1}},
		{`device.device=llvmpipe`, func(c *Config) any { return c.Device.Device }, DeviceChoice{Name: "llvmpipe", Index: -1}},
		{`device.gradient_checkpointing=true`, func(c *Config) any { return c.Device.GradientCheckpointing }, On},
		{`device.gradient_checkpointing=false`, func(c *Config) any { return c.Device.GradientCheckpointing }, Off},
		{`device.gradient_checkpointing=auto`, func(c *Config) any { return c.Device.GradientCheckpointing }, Auto},
		{`train.num_epochs=0.5`, func(c *Config) any { return c.Train.NumEpochs }, 0.5},
		{`plugins.paths=["plugins"]`, func(c *Config) any { return c.Plugins.Paths }, []Path{{"plugins", "run/plugins"}}},
		{`plugins.sha256.mine="` + sum + `"`, func(c *Config) any { return c.Plugins.SHA256 }, Pins{"mine": strings.ToLower(sum)}},
		{`report.sample_prompts=["What is a fox?"]`, func(c *Config) any { return c.Report.SamplePrompts }, []string{"What is a fox?"}},
	} {
		if diff := cmp.Diff(c.want, c.got(parse(t, minimal, c.set))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.set, diff)
		}
	}
}

func TestExclusiveKeysClearTheOther(t *testing.T) {
	byEpochs := minimal + "[train]\nnum_epochs = 3\nwarmup_ratio = 0.1\n"
	for _, c := range []struct {
		name, text    string
		sets          []string
		epochs        float64
		steps, warmup int
		ratio         float64
	}{
		{"neither", minimal, nil, 1, 0, 0, 0.03},
		{"file", byEpochs, nil, 3, 0, 0, 0.1},
		{"steps", minimal + "[train]\nmax_steps = 20\nwarmup_steps = 0\n", nil, 0, 20, 0, 0},
		{"an override replaces the other key of the file", byEpochs, []string{"train.max_steps=5", "train.warmup_steps=2"}, 0, 5, 2, 0},
		{"the last override wins", byEpochs, []string{"train.num_epochs=5", "train.num_epochs=7"}, 7, 0, 0, 0.1},
	} {
		got := parse(t, c.text, c.sets...).Train
		if got.NumEpochs != c.epochs || got.MaxSteps != c.steps || got.WarmupSteps != c.warmup || got.WarmupRatio != c.ratio {
			t.Errorf("%s: epochs %v, steps %d, warm-up %d, ratio %v", c.name, got.NumEpochs, got.MaxSteps, got.WarmupSteps, got.WarmupRatio)
		}
	}
}

func TestFullTrainingFromScratch(t *testing.T) {
	c := parse(t, minimal+"[adapter]\nkind = \"full\"\n[train]\nfrom_scratch = true\n")
	if c.Adapter.Kind != "full" || !c.Train.FromScratch {
		t.Errorf("kind %q, from_scratch %v", c.Adapter.Kind, c.Train.FromScratch)
	}
}

func TestOtherWaysToWriteTOML(t *testing.T) {
	want := parse(t, minimal)
	for name, text := range map[string]string{
		"byte order mark":  "\ufeff" + minimal,
		"Windows line end": strings.ReplaceAll(minimal, "\n", "\r\n"),
		"inline tables":    "base_model = 'models/tiny'\noutput_dir = 'out'\ndatasets = [{path = 'data.jsonl', type = 'alpaca'}]\n",
		"quoted keys":      strings.ReplaceAll(minimal, "type =", `"t\u0079pe" =`),
	} {
		if diff := cmp.Diff(want, parse(t, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	dotted := parse(t, "train.max_steps = 3\n"+minimal)
	if dotted.Train.MaxSteps != 3 {
		t.Errorf("train.max_steps = 3 gives %d", dotted.Train.MaxSteps)
	}
}

func TestResolvedIsTheWholeConfiguration(t *testing.T) {
	c := parse(t, minimal, "data.val_set_size=0.1", "device.memory=1KiB", "seed=9007199254740991")
	resolved, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(resolved)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"base_model":"run/models/tiny"`, `"val_set_size":0.1`, `"memory":1024`, `"device":"auto"`,
		`"seed":9007199254740991`, `"lora_target_modules":"all-linear"`, `"chat_template":"tokenizer"`,
		`"gradient_checkpointing":"auto"`, `"learning_rate":0.0002`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("resolved configuration lacks %s:\n%s", want, text)
		}
	}
	for i := range tables {
		in := resolved
		switch t := &tables[i]; {
		case t.List:
			entries := resolved[t.Name].([]any)
			if len(entries) == 0 {
				continue
			}
			in = entries[0].(map[string]any)
		case t.Name != "":
			in = resolved[t.Name].(map[string]any)
		}
		for _, k := range tables[i].Keys {
			if _, ok := in[k.Name]; !ok {
				t.Errorf("resolved configuration lacks %s", tables[i].fullName(k.Name))
			}
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lora.toml")
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, []string{"seed=7"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Seed != 7 || c.OutputDir.Name != filepath.Join(dir, "out") {
		t.Errorf("seed %d, output_dir %s", c.Seed, c.OutputDir)
	}

	large := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(large, make([]byte, maxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent.toml"): "reading the configuration: ",
		dir:                               "reading the configuration: ",
		large:                             "is larger than 1 MiB: that is no lora.toml",
	} {
		if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%s) = %v, want %q", path, err, want)
		}
	}
}
