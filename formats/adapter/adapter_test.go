package adapter

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/safetensors"
)

const plainConfig = `{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q","v"]}`

// shapes are the tensors of a weights file, all zero; keys get PEFT's prefix
// unless they begin with a slash.
type shapes map[string][]int

func folder(t testing.TB, config string, tensors shapes) string {
	t.Helper()
	dir := t.TempDir()
	if config != "" {
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if tensors == nil {
		return dir
	}
	var sources []safetensors.Source
	for key, shape := range tensors {
		n := 1
		for _, dim := range shape {
			n *= dim
		}
		name, bare := strings.CutPrefix(key, "/")
		if !bare {
			name = keyPrefix + key
		}
		sources = append(sources, safetensors.FromFloat32s(name, shape, make([]float32, n), dtype.F32))
	}
	if err := safetensors.Write(filepath.Join(dir, weightsFile), sources, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func with(key, value string) string {
	return strings.Replace(plainConfig, `{`, `{"`+key+`":`+value+`,`, 1)
}

func TestReadErrors(t *testing.T) {
	good := shapes{"l.q.lora_A.weight": {2, 3}, "l.q.lora_B.weight": {5, 2}}
	for _, c := range []struct {
		name    string
		config  string
		tensors shapes
		want    []string
	}{
		{"empty folder", "", nil, []string{"no adapter_config.json", "not an adapter"}},
		{"no weights", plainConfig, nil, []string{"no adapter_model.safetensors"}},
		{"config is not JSON", "{", good, []string{configFile, "line 1"}},
		{"no type", `{"r":2}`, good, []string{configFile, "peft_type is missing"}},
		{"another type", `{"peft_type":"LOHA"}`, good, []string{configFile, "type LOHA", "only LORA"}},
		{"DoRA without magnitudes", with("use_dora", "true"), good, []string{"module l.q", "lora_magnitude_vector has 0 values"}},
		{"bias", with("bias", `"lora_only"`), good, []string{"biases", "lora_only"}},
		{"bias on B", with("lora_bias", "true"), good, []string{"bias on B"}},
		{"PiSSA", with("init_lora_weights", `"pissa_niter_4"`), good, []string{"pissa_niter_4", "path_initial_model_for_weight_conversion"}},
		{"parameters", with("target_parameters", `["a"]`), good, []string{"target_parameters"}},
		{"layer replication", with("layer_replication", `[[0,2]]`), good, []string{"layer replication"}},
		{"no r", `{"peft_type":"LORA","lora_alpha":4,"target_modules":["q"]}`, good, []string{"r is missing"}},
		{"r is text", `{"peft_type":"LORA","r":"x","lora_alpha":4,"target_modules":["q"]}`, good, []string{`"r": "x"`}},
		{"r is zero", `{"peft_type":"LORA","r":0,"lora_alpha":4,"target_modules":["q"]}`, good, []string{"r is 0"}},
		{"no targets", `{"peft_type":"LORA","r":2,"lora_alpha":4}`, good, []string{"target_modules names no modules"}},
		{"targets are a number", `{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":7}`, good, []string{"target_modules", "found 7"}},
		{"dropout", with("lora_dropout", "1.5"), good, []string{"lora_dropout is 1.5"}},
		{"rank pattern of text", with("rank_pattern", `{"q":"x"}`), good, []string{"rank_pattern", `"q": "x"`}},
		{"rank pattern of null", with("rank_pattern", `{"q":null}`), good, []string{"rank_pattern", `"q" has r 0`}},
		{"alpha pattern of null", with("alpha_pattern", `{"q":null}`), good, []string{"alpha_pattern", `"q" has alpha NaN`}},
		{"broken pattern", with("rank_pattern", `{"(q":3}`), good, []string{"module l.q", "rank_pattern", `"(q" is not a regular expression`}},
		{"targets that miss", strings.Replace(plainConfig, `"q"`, `"k"`, 1), good, []string{"module l.q", "target_modules does not name it"}},
		{"end of a name is no name", strings.Replace(plainConfig, `["q","v"]`, `["q"]`, 1), shapes{"l.xq.lora_A.weight": {2, 3}, "l.xq.lora_B.weight": {5, 2}}, []string{"module l.xq", "does not name it"}},
		{"no lora_B", plainConfig, shapes{"l.q.lora_A.weight": {2, 3}}, []string{"module l.q", "lora_B is missing"}},
		{"no lora_A", plainConfig, shapes{"l.q.lora_B.weight": {5, 2}}, []string{"module l.q", "lora_A is missing"}},
		{"another rank", plainConfig, shapes{"l.q.lora_A.weight": {3, 3}, "l.q.lora_B.weight": {5, 3}}, []string{"module l.q", "rank 3", "r = 2"}},
		{"A and B do not fit", plainConfig, shapes{"l.q.lora_A.weight": {2, 3}, "l.q.lora_B.weight": {2, 5}}, []string{"module l.q", "[2 3]", "[2 5]", "do not fit"}},
		{"convolution", plainConfig, shapes{"l.q.lora_A.weight": {2, 3, 1, 1}, "l.q.lora_B.weight": {5, 2, 1, 1}}, []string{"module l.q", "two dimensions"}},
		{"magnitudes alone", plainConfig, shapes{"l.q.lora_magnitude_vector": {5}}, []string{"module l.q", "lora_A is missing"}},
		{"magnitudes without DoRA", plainConfig, shapes{"l.q.lora_A.weight": {2, 3}, "l.q.lora_B.weight": {5, 2}, "l.q.lora_magnitude_vector": {5}}, []string{"module l.q", "use_dora is not set"}},
		{"too few magnitudes", with("use_dora", "true"), shapes{"l.q.lora_A.weight": {2, 3}, "l.q.lora_B.weight": {5, 2}, "l.q.lora_magnitude_vector": {4}}, []string{"module l.q", "[4]", "[out] = [5]"}},
		{"embedding", plainConfig, shapes{"e.lora_embedding_A": {2, 5}}, []string{"LoRA on an embedding"}},
		{"key of another program", plainConfig, shapes{"/l.q.lora_A.weight": {2, 3}}, []string{`"l.q.lora_A.weight"`, "base_model.model."}},
		{"module without path", plainConfig, shapes{"/base_model.model..lora_A.weight": {2, 3}}, []string{"without a module path"}},
		{"nothing", plainConfig, shapes{}, []string{"no tensors"}},
		{"saved module is missing", with("modules_to_save", `["lm_head"]`), good, []string{"modules_to_save names lm_head"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.config, c.tensors)
			_, err := Read(dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestNotAnAdapter(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no")
	if _, err := Read(missing); err == nil || !strings.Contains(err.Error(), "nothing is downloaded") {
		t.Errorf("missing folder: %v", err)
	}
	for file, want := range map[string]string{"config.json": "a whole model", "adapter_model.bin": "no adapter_config.json"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
	dir := folder(t, plainConfig, nil)
	if err := os.WriteFile(filepath.Join(dir, "adapter_model.bin"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "pickle") {
		t.Errorf("pickled weights: %v", err)
	}
}

func testAdapter() *Adapter {
	return &Adapter{
		Config: Config{
			BaseModelNameOrPath: "base <&>", R: 1, LoraAlpha: 2.5, TargetModules: []string{"v", "q"},
			RankPattern: []RankPattern{{"z.q", 2}, {"a.q", 1}}, ModulesToSave: []string{"head"},
		},
		Modules: []Module{
			{Path: "l.v", R: 1, In: 2, Out: 1, A: []float32{1, 2}, B: []float32{3}},
			{Path: "z.q", R: 2, In: 1, Out: 1, A: []float32{1, 2}, B: []float32{3, 4}},
		},
		Saved: []Saved{{Name: "head.weight", DType: dtype.BF16, Shape: []int{1, 2}, Data: []byte{1, 2, 3, 4}}},
	}
}

func TestWriteAndRead(t *testing.T) {
	for _, d := range []dtype.DType{dtype.F32, dtype.BF16, dtype.F16} {
		want := testAdapter()
		want.DType = d
		dir := filepath.Join(t.TempDir(), "out", "adapter")
		if err := Write(dir, want); err != nil {
			t.Fatal(err)
		}
		want.Config.TaskType = "CAUSAL_LM"
		want.Config.TargetModules = []string{"q", "v"}
		if diff := cmp.Diff(want, mustRead(t, dir)); diff != "" {
			t.Errorf("%v: %s", d, diff)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Adapter)
		want   string
	}{
		{"values are missing", func(a *Adapter) { a.Modules[0].A = a.Modules[0].A[:1] }, "module l.v: lora_A has 1 values, want [r, in] = [1, 2]"},
		{"rank", func(a *Adapter) { a.Modules[1].R = 3 }, "module z.q: its tensors have rank 3"},
		{"a module twice", func(a *Adapter) { a.Modules[1] = a.Modules[0] }, "module l.v is there twice"},
		{"not targeted", func(a *Adapter) { a.Config.TargetModules = []string{"q"} }, "module l.v: it has tensors, but target_modules"},
		{"saved tensor is missing", func(a *Adapter) { a.Saved = nil }, "modules_to_save names head"},
		{"a pattern twice", func(a *Adapter) { a.Config.RankPattern[1].Pattern = "z.q" }, "is there twice"},
		{"alpha", func(a *Adapter) { a.Config.LoraAlpha = math.NaN() }, "lora_alpha is NaN"},
		{"two kinds of target", func(a *Adapter) { a.Config.TargetPattern = AllLinear }, "both a list and a pattern"},
		{"type", func(a *Adapter) { a.DType = dtype.I32 }, "I32"},
	} {
		a := testAdapter()
		c.change(a)
		dir := filepath.Join(t.TempDir(), "adapter")
		if err := Write(dir, a); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q and the folder", c.name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
			t.Errorf("%s: %s was written", c.name, configFile)
		}
	}
}

// Broken values are found when an adapter is read.
func TestReadNaN(t *testing.T) {
	a := testAdapter()
	a.Modules[0].B[0] = float32(math.NaN())
	dir := t.TempDir()
	if err := Write(dir, a); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "l.v.lora_B.weight") || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v", err)
	}
}

// The rules are PEFT's get_pattern_key and check_target_module_exists.
func TestPatterns(t *testing.T) {
	const path = "model.layers.10.self_attn.q_proj"
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{"q_proj", true}, {"proj", false}, {path, true}, {"self_attn.q_proj", true}, {"10.self_attn.q_proj", true}, {"0.self_attn.q_proj", false},
		{"self_attn.q.proj", true}, {`layers\.1\d\..*`, true}, {`layers\.2\d\..*`, false}, {"^" + path, true}, {"^layers.10.self_attn.q_proj", false},
		{`(?!k)._proj`, true}, {"q_proj|k_proj", true}, {"", false},
	} {
		if got, err := matchesEnd(c.pattern, path); got != c.want || err != nil {
			t.Errorf("pattern %q: %v, %v; want %v", c.pattern, got, err, c.want)
		}
	}
	for target, want := range map[string]bool{`.*q_proj`: true, `q_proj`: false, `.*\.(q|k)_proj`: true, `model`: false, AllLinear: true} {
		c := Config{TargetPattern: target}
		if got, err := c.Targets(path); got != want || err != nil {
			t.Errorf("target_modules %q: %v, %v; want %v", target, got, err, want)
		}
	}
}

// FuzzRead looks for panics, and for an adapter that is read but cannot be
// written and read again.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"plain", "patterns"} {
		config, err := os.ReadFile(filepath.Join("testdata", name, configFile))
		if err != nil {
			f.Fatal(err)
		}
		weights, err := os.ReadFile(filepath.Join("testdata", name, weightsFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(config, weights)
		f.Add([]byte(with("rank_pattern", `{"(a|b)*c":3}`)), weights)
	}
	f.Fuzz(func(t *testing.T, config, weights []byte) {
		dir := t.TempDir()
		for name, text := range map[string][]byte{configFile: config, weightsFile: weights} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		a, err := Read(dir)
		if err != nil {
			if !strings.Contains(err.Error(), dir) {
				t.Fatalf("an error without the folder: %v", err)
			}
			return
		}
		again := filepath.Join(dir, "again")
		if err := Write(again, a); err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		if _, err := Read(again); err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
	})
}

// FuzzConfig looks for panics in the configuration and in its patterns.
func FuzzConfig(f *testing.F) {
	for _, config := range []string{
		plainConfig, with("rank_pattern", `{"(a|b)*c":3}`), with("alpha_pattern", `{"^l.q":3,"[q":1}`), with("target_parameters", "[ ]"),
		with("init_lora_weights", "false"), `{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":"(?<=l).*(?<!v)"}`,
	} {
		f.Add([]byte(config))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := huggingface.ParseObject(text)
		if err != nil {
			return
		}
		c, err := parseConfig(o)
		if err != nil {
			return
		}
		if scale, err := c.Scale("l.0.q"); err == nil && math.IsNaN(scale) {
			t.Fatalf("scale %v of %s", scale, text)
		}
		if _, err := c.Targets("l.0.q"); err != nil && !strings.Contains(err.Error(), "target_modules") {
			t.Fatalf("an error without its key: %v", err)
		}
	})
}
