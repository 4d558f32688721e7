package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Config is a lora.toml as resolved: defaults filled in, paths ready to open.
// What each key means and may hold is in the table of keys (keys.go); the
// JSON names are the keys of the file.
type Config struct {
	BaseModel    Path         `json:"base_model"`
	OutputDir    Path         `json:"output_dir"`
	Seed         int64        `json:"seed"`
	Adapter      Adapter      `json:"adapter"`
	Quantization Quantization `json:"quantization"`
	Datasets     []Dataset    `json:"datasets"`
	TestDatasets []Dataset    `json:"test_datasets"`
	Data         Data         `json:"data"`
	Train        Train        `json:"train"`
	Device       Device       `json:"device"`
	Report       Report       `json:"report"`
	Plugins      Plugins      `json:"plugins"`
}

// Adapter says which weights are trained.
type Adapter struct {
	Kind              string        `json:"kind"` // "lora" or "full"
	LoraR             int           `json:"lora_r"`
	LoraAlpha         float64       `json:"lora_alpha"`
	LoraDropout       float64       `json:"lora_dropout"`
	LoraTargetModules TargetModules `json:"lora_target_modules"`
	ModulesToSave     []string      `json:"modules_to_save"`
	UseRSLora         bool          `json:"use_rslora"`
	UseDora           bool          `json:"use_dora"`
	Init              string        `json:"init"`
	LoraPlusLRRatio   float64       `json:"loraplus_lr_ratio"` // 0: off
}

// Quantization says how the frozen weights are held.
type Quantization struct {
	LoadIn4Bit  bool   `json:"load_in_4bit"`
	QuantType   string `json:"quant_type"`
	DoubleQuant bool   `json:"double_quant"`
}

// Dataset is one entry of [[datasets]] or [[test_datasets]].
type Dataset struct {
	Path    Path        `json:"path"`
	Type    DatasetType `json:"type"` // "": to be recognised
	Columns Columns     `json:"columns"`
	Split   string      `json:"split"`
	Limit   int         `json:"limit"` // records; 0: all
	Weight  float64     `json:"weight"`
}

// Data says how records become batches of tokens.
type Data struct {
	SequenceLen         int          `json:"sequence_len"` // tokens
	SamplePacking       bool         `json:"sample_packing"`
	Shuffle             bool         `json:"shuffle"`
	OnLong              string       `json:"on_long"` // "cut", "split", "drop" or "error"
	DatasetPreparedPath PreparedPath `json:"dataset_prepared_path"`
	ValSetSize          ValSetSize   `json:"val_set_size"`
	TrainOnInputs       bool         `json:"train_on_inputs"`
	RolesToTrain        []string     `json:"roles_to_train"`
	MaskHistory         bool         `json:"mask_history"`
	TrainOnEOS          string       `json:"train_on_eos"` // "turn", "all", "last" or "none"
	SplitSpecialTokens  bool         `json:"split_special_tokens"`
	Deduplicate         bool         `json:"dataset_exact_deduplication"`
	ChatTemplate        ChatTemplate `json:"chat_template"`
}

// Train holds the schedule and the optimizer.
type Train struct {
	NumEpochs                 float64 `json:"num_epochs"` // 0 where max_steps decides
	MaxSteps                  int     `json:"max_steps"`  // optimizer steps; 0 where num_epochs decides
	FromScratch               bool    `json:"from_scratch"`
	MicroBatchSize            int     `json:"micro_batch_size"`
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps"`
	LearningRate              float64 `json:"learning_rate"`
	LRScheduler               string  `json:"lr_scheduler"`
	WarmupSteps               int     `json:"warmup_steps"` // optimizer steps; 0 where warmup_ratio decides
	WarmupRatio               float64 `json:"warmup_ratio"` // share of all steps; 0 where warmup_steps decides
	NumCycles                 float64 `json:"num_cycles"`   // 0: the schedule's own
	Power                     float64 `json:"power"`
	LREnd                     float64 `json:"lr_end"`
	MinLR                     float64 `json:"min_lr"`
	MinLRRate                 float64 `json:"min_lr_rate"` // share of learning_rate
	Timescale                 int     `json:"timescale"`   // optimizer steps; 0: those of the warm-up
	NumDecaySteps             int     `json:"num_decay_steps"`
	WarmupType                string  `json:"warmup_type"`
	DecayType                 string  `json:"decay_type"`
	PlateauFactor             float64 `json:"plateau_factor"`
	PlateauPatience           int     `json:"plateau_patience"` // evaluations
	PlateauThreshold          float64 `json:"plateau_threshold"`
	PlateauCooldown           int     `json:"plateau_cooldown"` // evaluations
	Optimizer                 string  `json:"optimizer"`
	WeightDecay               float64 `json:"weight_decay"`
	AdamBeta1                 float64 `json:"adam_beta1"`
	AdamBeta2                 float64 `json:"adam_beta2"`
	AdamEpsilon               float64 `json:"adam_epsilon"`
	Momentum                  float64 `json:"momentum"`                // of sgd
	MaxGradNorm               float64 `json:"max_grad_norm"`           // 0: no clipping
	NeftuneNoiseAlpha         float64 `json:"neftune_noise_alpha"`     // 0: off
	EarlyStoppingPatience     int     `json:"early_stopping_patience"` // evaluations; 0: off
	EarlyStoppingThreshold    float64 `json:"early_stopping_threshold"`
	EvalSteps                 int     `json:"eval_steps"`       // 0: at the end only
	SaveSteps                 int     `json:"save_steps"`       // 0: at the end only
	SaveTotalLimit            int     `json:"save_total_limit"` // 0: keep all
	LoggingSteps              int     `json:"logging_steps"`    // 0: at the end only
}

// Device says where and with how much memory the run takes place.
type Device struct {
	Backend               string       `json:"backend"`
	Device                DeviceChoice `json:"device"`
	Dtype                 string       `json:"dtype"`
	Memory                Memory       `json:"memory"`
	GradientCheckpointing AutoBool     `json:"gradient_checkpointing"`
}

// Report says what is written beside metrics.jsonl and run.json.
type Report struct {
	Tensorboard   bool     `json:"tensorboard"`
	Wandb         bool     `json:"wandb"`
	HTML          bool     `json:"html"`
	SamplePrompts []string `json:"sample_prompts"`
}

// Plugins says where plugins outside the binary lie and pins their bytes.
type Plugins struct {
	Paths  []Path `json:"paths"`
	SHA256 Pins   `json:"sha256"`
}

// maxFileSize is far beyond any lora.toml: a larger file is another file given
// by mistake, and the TOML library's work grows faster than its input.
const maxFileSize = 1 << 20

// Load reads the lora.toml at path and lays the overrides over it, each
// "key=value" as in --set. The error is Errors for mistakes in the file or in
// the overrides, and a plain error when the file cannot be read.
func Load(path string, sets []string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(src) > maxFileSize {
		return nil, fmt.Errorf("%s is larger than %d MiB: that is no lora.toml", path, maxFileSize>>20)
	}
	return Parse(path, src, sets)
}

// Parse is Load for bytes already read. file names them in errors, and its
// folder is where relative paths begin. The error is always of type Errors.
func Parse(file string, src []byte, sets []string) (*Config, error) {
	root, syntax := readTree(file, src)
	errs := append(syntax, overlaySets(root, sets)...)
	if len(syntax) > 0 {
		return nil, errs.sorted()
	}
	d := &decoder{
		root:  root,
		errs:  errs,
		dir:   filepath.Dir(file),
		given: map[string]*node{},
		meant: map[meaning]bool{},
	}
	c := newConfig()
	d.decode(c)
	d.check(c)
	if len(d.errs) > 0 {
		return nil, d.errs.sorted()
	}
	return c, nil
}

// Resolved is the configuration for run.json: the tables and keys of
// lora.toml with nothing left out, numbers as json.Number. Equal
// configurations give equal JSON.
func (c *Config) Resolved() (map[string]any, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var resolved map[string]any
	if err := d.Decode(&resolved); err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	return resolved, nil
}
