package adapter

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
)

// golden is what PEFT says of an adapter that it wrote.
type golden struct {
	Modules map[string]struct {
		R     int
		Scale float64
		A, B  []float32
	}
}

func goldens(t *testing.T) map[string]golden {
	t.Helper()
	text, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func mustRead(t *testing.T, dir string) *Adapter {
	t.Helper()
	a, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Adapters that PEFT wrote are read with the ranks, scales and values that PEFT
// has for each module.
func TestReadPEFT(t *testing.T) {
	for name, want := range goldens(t) {
		a := mustRead(t, filepath.Join("testdata", name))
		if len(a.Modules) != len(want.Modules) {
			t.Errorf("%s: %d modules, want %d", name, len(a.Modules), len(want.Modules))
		}
		for path, w := range want.Modules {
			m, ok := a.Module(path)
			if !ok {
				t.Errorf("%s: %s is missing", name, path)
				continue
			}
			scale, err := a.Config.Scale(path)
			if err != nil || m.R != w.R || math.Abs(scale-w.Scale) > 1e-12 {
				t.Errorf("%s: %s: r %d, scale %v, %v; want %d, %v", name, path, m.R, scale, err, w.R, w.Scale)
			}
			if !slices.Equal(m.A, w.A) || !slices.Equal(m.B, w.B) {
				t.Errorf("%s: %s: values differ", name, path)
			}
		}
	}
}

func TestReadPEFTConfig(t *testing.T) {
	plain := mustRead(t, "testdata/plain")
	want := Config{
		BaseModelNameOrPath: "tiny-llama", TaskType: "CAUSAL_LM", R: 2, LoraAlpha: 4, LoraDropout: 0.1, TargetModules: []string{"q_proj", "v_proj"},
	}
	if diff := cmp.Diff(want, plain.Config); diff != "" {
		t.Error(diff)
	}
	patterns := mustRead(t, "testdata/patterns")
	want = Config{
		BaseModelNameOrPath: "tiny-llama", TaskType: "CAUSAL_LM", R: 2, LoraAlpha: 4, TargetPattern: `.*\.(?!k_proj)(q_proj|down_proj|k_proj)`,
		RankPattern:   []RankPattern{{"down_proj", 1}, {"layers.1.self_attn.q_proj", 3}},
		AlphaPattern:  []AlphaPattern{{"down_.*", 6}, {"layers.0.mlp.down_proj", 7}},
		ModulesToSave: []string{"lm_head"}, UseRSLoRA: true,
	}
	if diff := cmp.Diff(want, patterns.Config); diff != "" {
		t.Error(diff)
	}
	if len(patterns.Saved) != 1 || patterns.Saved[0].Name != "lm_head.weight" || !cmp.Equal(patterns.Saved[0].Shape, []int{16, 8}) ||
		patterns.Saved[0].DType != dtype.F32 || len(patterns.Saved[0].Data) != 16*8*4 {
		t.Errorf("saved tensors %+v", patterns.Saved)
	}
}

// What is read from PEFT and written again has the bytes of PEFT's tensors, and
// a configuration with PEFT's values. The keys of PEFT that are left out are at
// their defaults.
func TestWriteEqualsPEFT(t *testing.T) {
	defaults := map[string]string{"peft_version": `"0.21.2"`, "qalora_group_size": "16"}
	for _, name := range []string{"plain", "patterns"} {
		from := filepath.Join("testdata", name)
		dir := filepath.Join(t.TempDir(), name)
		if err := Write(dir, mustRead(t, from)); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(from, weightsFile))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, weightsFile))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: the tensors' file differs from PEFT's", name)
		}
		theirs, err := huggingface.ReadObject(filepath.Join(from, configFile))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := huggingface.ReadObject(filepath.Join(dir, configFile))
		if err != nil {
			t.Fatal(err)
		}
		if keys := ours.Keys(); !slices.IsSorted(keys) {
			t.Errorf("%s: keys are not sorted: %v", name, keys)
		}
		for _, key := range theirs.Keys() {
			a, b := string(theirs.Raw(key)), string(ours.Raw(key))
			switch {
			case b == "" && (a == "null" || a == "false" || a == defaults[key]):
			case key == "target_modules" && name == "plain":
				if diff := cmp.Diff([]string{"q_proj", "v_proj"}, mustRead(t, dir).Config.TargetModules); diff != "" {
					t.Error(diff)
				}
			case compact(a) != compact(b):
				t.Errorf("%s: %s is %s, PEFT has %s", name, key, b, a)
			}
		}
		for _, key := range ours.Keys() {
			if theirs.Raw(key) == nil {
				t.Errorf("%s: PEFT does not know %s", name, key)
			}
		}
	}
}

// compact makes equal JSON equal text, numbers 4 and 4.0 included.
func compact(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	b, _ := json.Marshal(v)
	return string(b)
}
