package adapter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/huggingface"
)

// AllLinear is the TargetPattern for every linear but the output head.
const AllLinear = "all-linear"

// Config is adapter_config.json, as far as it has a meaning here. The names are
// PEFT's.
type Config struct {
	BaseModelNameOrPath string
	TaskType            string // CAUSAL_LM when empty
	R                   int
	LoraAlpha           float64
	LoraDropout         float64
	TargetModules       []string // names or ends of module paths
	TargetPattern       string   // instead of TargetModules: AllLinear, or a regular expression for whole paths
	RankPattern         []RankPattern
	AlphaPattern        []AlphaPattern
	ModulesToSave       []string
	UseRSLoRA           bool
	UseDoRA             bool
	FanInFanOut         bool // the base stores weights as [in, out]; A and B keep their shapes
}

// RankPattern gives the modules that Pattern matches another rank. The first
// pattern that matches counts.
type RankPattern struct {
	Pattern string
	R       int
}

// AlphaPattern gives the modules that Pattern matches another lora_alpha. The
// first pattern that matches counts.
type AlphaPattern struct {
	Pattern   string
	LoraAlpha float64
}

// Rank is the rank of the module at path.
func (c Config) Rank(path string) (int, error) {
	for _, p := range c.RankPattern {
		if ok, err := matchesEnd(p.Pattern, path); err != nil {
			return 0, fmt.Errorf("rank_pattern: %w", err)
		} else if ok {
			return p.R, nil
		}
	}
	return c.R, nil
}

// Alpha is lora_alpha of the module at path.
func (c Config) Alpha(path string) (float64, error) {
	for _, p := range c.AlphaPattern {
		if ok, err := matchesEnd(p.Pattern, path); err != nil {
			return 0, fmt.Errorf("alpha_pattern: %w", err)
		} else if ok {
			return p.LoraAlpha, nil
		}
	}
	return c.LoraAlpha, nil
}

// Scale is the factor of B·A in the module at path: alpha/r, or alpha/√r with
// rsLoRA (Kalajdzievski 2023).
func (c Config) Scale(path string) (float64, error) {
	r, err := c.Rank(path)
	if err != nil {
		return 0, err
	}
	alpha, err := c.Alpha(path)
	if err != nil {
		return 0, err
	}
	if c.UseRSLoRA {
		return alpha / math.Sqrt(float64(r)), nil
	}
	return alpha / float64(r), nil
}

// Targets reports whether the adapter is meant for the module at path. With
// AllLinear that is true of any path: which modules are linears, the model
// knows.
func (c Config) Targets(path string) (bool, error) {
	if c.TargetPattern == AllLinear {
		return true, nil
	}
	if c.TargetPattern != "" {
		ok, err := matchesWhole(c.TargetPattern, path)
		if err != nil {
			return false, fmt.Errorf("target_modules: %w", err)
		}
		return ok, nil
	}
	return slices.ContainsFunc(c.TargetModules, func(name string) bool {
		return path == name || strings.HasSuffix(path, "."+name)
	}), nil
}

// check is an error where the numbers or names make no adapter.
func (c Config) check() error {
	switch {
	case c.R < 1:
		return fmt.Errorf("r is %d, want at least 1", c.R)
	case !finite(c.LoraAlpha):
		return fmt.Errorf("lora_alpha is %v, want a finite number", c.LoraAlpha)
	case !(c.LoraDropout >= 0 && c.LoraDropout < 1):
		return fmt.Errorf("lora_dropout is %v, want 0 or more and less than 1", c.LoraDropout)
	case c.TargetPattern == "" && len(c.TargetModules) == 0:
		return errors.New("target_modules names no modules")
	case c.TargetPattern != "" && len(c.TargetModules) > 0:
		return errors.New("target_modules is both a list and a pattern")
	}
	return c.checkPatterns()
}

func (c Config) checkPatterns() error {
	seen := make(map[string]bool)
	for _, p := range c.RankPattern {
		if p.R < 1 {
			return fmt.Errorf("rank_pattern: %q has r %d, want at least 1", p.Pattern, p.R)
		}
		if seen[p.Pattern] {
			return fmt.Errorf("rank_pattern: %q is there twice", p.Pattern)
		}
		seen[p.Pattern] = true
	}
	clear(seen)
	for _, p := range c.AlphaPattern {
		if !finite(p.LoraAlpha) {
			return fmt.Errorf("alpha_pattern: %q has alpha %v, want a finite number", p.Pattern, p.LoraAlpha)
		}
		if seen[p.Pattern] {
			return fmt.Errorf("alpha_pattern: %q is there twice", p.Pattern)
		}
		seen[p.Pattern] = true
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// parseConfig reads adapter_config.json. Errors name the key.
func parseConfig(o huggingface.Object) (Config, error) {
	if err := checkPlain(o); err != nil {
		return Config{}, err
	}
	var c Config
	for key, into := range map[string]any{
		"base_model_name_or_path": &c.BaseModelNameOrPath, "task_type": &c.TaskType, "r": &c.R, "lora_alpha": &c.LoraAlpha,
		"lora_dropout": &c.LoraDropout, "modules_to_save": &c.ModulesToSave, "use_rslora": &c.UseRSLoRA, "use_dora": &c.UseDoRA, "fan_in_fan_out": &c.FanInFanOut,
	} {
		if _, err := o.Decode(key, into); err != nil {
			return Config{}, err
		}
	}
	for _, key := range []string{"r", "lora_alpha"} {
		if !o.Has(key) {
			return Config{}, fmt.Errorf("%s is missing", key)
		}
	}
	if _, err := o.Decode("target_modules", &c.TargetPattern); err != nil {
		if _, err := o.Decode("target_modules", &c.TargetModules); err != nil {
			return Config{}, fmt.Errorf("target_modules: want a list of names or a pattern, found %.80s", o.Raw("target_modules"))
		}
	}
	slices.Sort(c.TargetModules)
	if err := parsePatterns(o, &c); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

func parsePatterns(o huggingface.Object, c *Config) error {
	ranks, err := o.Object("rank_pattern")
	if err != nil {
		return err
	}
	for _, pattern := range ranks.Keys() {
		p := RankPattern{Pattern: pattern}
		if _, err := ranks.Decode(pattern, &p.R); err != nil {
			return fmt.Errorf("rank_pattern: %w", err)
		}
		c.RankPattern = append(c.RankPattern, p)
	}
	alphas, err := o.Object("alpha_pattern")
	if err != nil {
		return err
	}
	for _, pattern := range alphas.Keys() {
		p := AlphaPattern{Pattern: pattern, LoraAlpha: math.NaN()} // so that null is noticed
		if _, err := alphas.Decode(pattern, &p.LoraAlpha); err != nil {
			return fmt.Errorf("alpha_pattern: %w", err)
		}
		c.AlphaPattern = append(c.AlphaPattern, p)
	}
	return nil
}

// variants are the keys of PEFT that change what the tensors mean. Where one is
// set to anything but null, false or empty, the adapter is not plain LoRA.
var variants = []struct{ key, name string }{
	{"use_qalora", "QA-LoRA"},
	{"lora_bias", "LoRA with a bias on B"},
	{"layer_replication", "layer replication"},
	{"alora_invocation_tokens", "activated LoRA (aLoRA)"},
	{"target_parameters", "LoRA on bare parameters (target_parameters)"},
	{"trainable_token_indices", "trainable tokens"},
	{"arrow_config", "Arrow routing"},
	{"use_bdlora", "block-diagonal LoRA"},
	{"kasa_config", "KaSA"},
	{"monteclora_config", "MonteCLoRA"},
}

// plainInits are the initialisations that leave the base as it is. The others
// of PEFT, such as PiSSA, take a part out of the base.
var plainInits = []string{"true", "false", `"gaussian"`, `"eva"`, `"orthogonal"`}

// checkPlain is an error that names what makes the adapter another thing than
// LoRA as it is understood here.
func checkPlain(o huggingface.Object) error {
	var kind, bias string
	if ok, err := o.Decode("peft_type", &kind); err != nil || !ok {
		return errors.Join(errors.New("peft_type is missing, so this is not the configuration of a PEFT adapter"), err)
	}
	if kind != "LORA" {
		return fmt.Errorf("this is a PEFT adapter of type %s; only LORA is supported", kind)
	}
	for _, v := range variants {
		switch value := strings.Join(strings.Fields(string(o.Raw(v.key))), ""); value {
		case "", "null", "false", "[]", "{}":
		default:
			return fmt.Errorf("the adapter uses %s (%s is %.80s), which is not supported", v.name, v.key, value)
		}
	}
	if _, err := o.Decode("bias", &bias); err != nil {
		return err
	}
	if bias != "" && bias != "none" {
		return fmt.Errorf("the adapter trains the base model's biases (bias is %q), which is not supported", bias)
	}
	if init := string(o.Raw("init_lora_weights")); o.Has("init_lora_weights") && !slices.Contains(plainInits, init) {
		return fmt.Errorf("the adapter was started with init_lora_weights = %.80s, which changes the base model; convert it to plain LoRA with PEFT: "+
			"save_pretrained(…, path_initial_model_for_weight_conversion=…)", init)
	}
	return nil
}
