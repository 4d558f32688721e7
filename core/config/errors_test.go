package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// found parses and gives each error as "line:column message → hint".
func found(t *testing.T, text string, sets ...string) []string {
	t.Helper()
	_, err := Parse("lora.toml", []byte(text), sets)
	var errs Errors
	if err != nil && !errors.As(err, &errs) {
		t.Fatalf("Parse gives %T, not Errors: %v", err, err)
	}
	var all []string
	for _, e := range errs {
		s := fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Message)
		if e.File == commandLine {
			s = fmt.Sprintf("--set %d:%d %s", e.Line, e.Column, e.Message)
		}
		if e.Hint != "" {
			s += " → " + e.Hint
		}
		all = append(all, s)
	}
	return all
}

// required is a complete file on its first four lines; a mistake follows on
// line 5.
const required = `base_model = "m"
output_dir = "o"
datasets = [{path = "d.jsonl", type = "alpaca"}]
# The mistake:
`

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		text string // follows required
		want []string
	}{
		// Unknown keys and tables.
		{"sed = 1", []string{`5:1 unknown key sed at the top of the file → did you mean seed?`}},
		{"[train]\nlerning_rate = 1e-4", []string{`6:1 unknown key lerning_rate in [train] → did you mean learning_rate?`}},
		{"learning_rate = 1e-4", []string{`5:1 unknown key learning_rate at the top of the file → learning_rate belongs in [train]`}},
		{"[adapter]\nlearning_rate = 1e-4", []string{`6:1 unknown key learning_rate in [adapter] → learning_rate belongs in [train]`}},
		{"[adapter]\nseed = 1", []string{`6:1 unknown key seed in [adapter] → seed belongs at the top of the file, above the first [table]`}},
		{"[adapter]\nsequence_length = 1", []string{`6:1 unknown key sequence_length in [adapter] → did you mean sequence_len, in [data]?`}},
		{"[adapter]\nr = 8", []string{`6:1 unknown key r in [adapter] → it is called lora_r here`}},
		{"[train]\nlr = 8", []string{`6:1 unknown key lr in [train] → it is called learning_rate here`}},
		{"[train]\nmax_seq_length = 8", []string{`6:1 unknown key max_seq_length in [train] → it is called sequence_len here, in [data]`}},
		{"[quantization]\nbanana = 8", []string{`6:1 unknown key banana in [quantization] → the keys in [quantization] are load_in_4bit, quant_type, double_quant`}},
		{"[report]\n\"a b\" = 8", []string{`6:1 unknown key "a b" in [report] → the keys in [report] are tensorboard, wandb, html, sample_prompts`}},
		{"[trian]\nx = 1", []string{`5:2 unknown table trian → did you mean [train]?`}},
		{"[banana]", []string{`5:2 unknown table banana → the tables are adapter, quantization, datasets, test_datasets, data, train, device, report, plugins`}},
		{"[train.data]", []string{`5:8 unknown table data in [train] → data is a table of its own: begin it with a line [data]`}},
		{"train.lr = 1", []string{`5:7 unknown key lr in [train] → it is called learning_rate here`}},
		{"[[train]]\nseed = 1", []string{`5:3 train is a table, found a list of tables → begin it with a line [train]`}},
		{`adapter = "lora"`, []string{`5:1 adapter is a table, found the string "lora" → begin it with a line [adapter]`}},

		// Types.
		{`seed = "42"`, []string{`5:8 seed must be a whole number from 0 to 9007199254740992, found the string "42" → write seed = 42, without quotes`}},
		{"seed = 1979-05-27", []string{`5:8 seed must be a whole number from 0 to 9007199254740992, found a date or time`}},
		{"[adapter]\nlora_r = 16.0", []string{`6:10 lora_r must be a whole number from 1 to 65536, found 16.0 → write lora_r = 16`}},
		{"[adapter]\nlora_r = 16.5", []string{`6:10 lora_r must be a whole number from 1 to 65536, found 16.5`}},
		{"[adapter]\nlora_r = true", []string{`6:10 lora_r must be a whole number from 1 to 65536, found true`}},
		{"[adapter]\nlora_r = [16]", []string{`6:10 lora_r must be a whole number from 1 to 65536, found a list`}},
		{"[adapter]\nlora_r = {a = 1}", []string{`6:10 lora_r must be a whole number from 1 to 65536, found a table`}},
		{"[adapter]\nuse_rslora = \"yes\"", []string{`6:14 use_rslora must be true or false, found the string "yes" → write use_rslora = true, without quotes`}},
		{"[adapter]\nuse_rslora = 0", []string{`6:14 use_rslora must be true or false, found 0 → write use_rslora = false`}},
		{"[train]\nlearning_rate = \"fast\"", []string{`6:17 learning_rate must be a number above 0 and at most 1, found the string "fast"`}},
		{"[data]\nroles_to_train = \"user\"", []string{`6:18 roles_to_train must be a list of "system", "user", "assistant" or "tool", with at least 1 entry, found the string "user" → write roles_to_train = ["user"]`}},
		{"[report]\nsample_prompts = [\n  \"a\",\n  3,\n]", []string{`8:3 each of sample_prompts must be a string in quotes, not empty, found 3`}},
		{"[plugins]\npaths = [\"a\", false]", []string{`6:15 each of paths must be a path in quotes, found false`}},
		{"[plugins]\nsha256 = {mine = \"12\"}", []string{`6:18 each of sha256 must be a SHA-256 sum, 64 hexadecimal digits in quotes, found the string "12"`}},

		// Ranges.
		{"seed = -1", []string{`5:8 seed must be a whole number from 0 to 9007199254740992, found -1`}},
		{"[adapter]\nlora_r = 0", []string{`6:10 lora_r must be a whole number from 1 to 65536, found 0`}},
		{"[adapter]\nlora_alpha = 0", []string{`6:14 lora_alpha must be a number above 0, found 0`}},
		{"[adapter]\nlora_alpha = 1e10", []string{`6:14 lora_alpha must be a number above 0, found 1e10 → the most is 2147483647`}},
		{"[adapter]\nlora_dropout = 1.0", []string{`6:16 lora_dropout must be a number of at least 0 and below 1, found 1.0`}},
		{"[train]\nlearning_rate = 0", []string{`6:17 learning_rate must be a number above 0 and at most 1, found 0`}},
		{"[train]\nlearning_rate = nan", []string{`6:17 learning_rate must be a number above 0 and at most 1, found nan`}},
		{"[train]\nlearning_rate = 2e4", []string{`6:17 learning_rate must be a number above 0 and at most 1, found 2e4 → is the minus of the exponent missing? 2e-4`}},
		{"[train]\nweight_decay = inf", []string{`6:16 weight_decay must be a number of at least 0, found inf → the most is 2147483647`}},
		{"[train]\nmax_steps = 0", []string{`6:13 max_steps must be a whole number of at least 1, found 0`}},
		{"[train]\nwarmup_ratio = 1", []string{`6:16 warmup_ratio must be a number of at least 0 and below 1, found 1`}},
		{"[data]\nsequence_len = 4", []string{`6:16 sequence_len must be a whole number from 8 to 1048576, found 4`}},
		{"[data]\nsequence_len = 2097152", []string{`6:16 sequence_len must be a whole number from 8 to 1048576, found 2097152`}},
		{"[data]\nroles_to_train = []", []string{`6:18 roles_to_train must be a list of "system", "user", "assistant" or "tool", with at least 1 entry, found an empty list`}},

		// Values with a form of their own.
		{"[data]\nval_set_size = 1.0", []string{`6:16 val_set_size must be a fraction between 0 and 1 or a whole number of records, 0 for none, found 1.0 → write val_set_size = 1 for a count of records`}},
		{"[data]\nval_set_size = \"5%\"", []string{`6:16 val_set_size must be a fraction between 0 and 1 or a whole number of records, 0 for none, found the string "5%" → write val_set_size = 0.05`}},
		{"[data]\nval_set_size = -3", []string{`6:16 val_set_size must be a fraction between 0 and 1 or a whole number of records, 0 for none, found -3`}},
		{"[adapter]\nlora_target_modules = \"q_proj\"", []string{`6:23 lora_target_modules must be "all-linear" or a list of module names such as ["q_proj", "v_proj"], found the string "q_proj" → write lora_target_modules = ["q_proj"]`}},
		{"[adapter]\nlora_target_modules = \"all_linear\"", []string{`6:23 lora_target_modules must be "all-linear" or a list of module names such as ["q_proj", "v_proj"], found the string "all_linear" → did you mean "all-linear"?`}},
		{"[adapter]\nlora_target_modules = []", []string{`6:23 lora_target_modules must be "all-linear" or a list of module names such as ["q_proj", "v_proj"], found an empty list`}},
		{"[device]\nmemory = 8", []string{`6:10 memory must be "auto" or a size such as "8GiB" or "512MiB", found 8 → write memory = "8GiB"`}},
		{"[device]\nmemory = \"8g\"", []string{`6:10 memory must be "auto" or a size such as "8GiB" or "512MiB", found the string "8g" → write memory = "8GiB"`}},
		{"[device]\nmemory = \"lots\"", []string{`6:10 memory must be "auto" or a size such as "8GiB" or "512MiB", found the string "lots"`}},
		{"[device]\ndevice = -1", []string{`6:10 device must be "auto", a device's name or its number from 0, found -1`}},
		{"[device]\ngradient_checkpointing = \"true\"", []string{`6:26 gradient_checkpointing must be true, false or "auto", found the string "true" → write gradient_checkpointing = true, without quotes`}},
		{"[data]\nchat_template = \"chatlm\"", []string{`6:17 chat_template must be "tokenizer", "alpaca", "chatml", "llama3" or "mistral", "tokenizer:NAME" for another of the model's own, or the path of a Jinja file, found the string "chatlm" → did you mean "chatml"?`}},

		// Names from a list.
		{"[train]\nlr_scheduler = \"cosin\"", []string{`6:16 lr_scheduler must be "cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "cosine_with_min_lr", "polynomial", "inverse_sqrt", "warmup_stable_decay" or "reduce_lr_on_plateau", found the string "cosin" → did you mean "cosine"?`}},
		{"[train]\noptimizer = \"adamw_torch\"", []string{`6:13 optimizer must be "adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit" or "sgd", found the string "adamw_torch" → did you mean "adamw"?`}},
		{"[device]\ndtype = \"fp32\"", []string{`6:9 dtype must be "auto", "float32", "bfloat16" or "float16", found the string "fp32" → did you mean "float32"?`}},
		{"[data]\nroles_to_train = [\"user\", \"asistant\"]", []string{`6:27 each of roles_to_train must be "system", "user", "assistant" or "tool", found the string "asistant" → did you mean "assistant"?`}},

		// Keys beside each other.
		{"[train]\nmax_steps = 9\nnum_epochs = 3", []string{`7:1 num_epochs and max_steps exclude each other: max_steps is set on line 6 → remove one of the two`}},
		{"[train]\nwarmup_ratio = 0.1\nwarmup_steps = 0", []string{`7:1 warmup_steps and warmup_ratio exclude each other: warmup_ratio is set on line 6 → remove one of the two`}},
		{"[train]\nfrom_scratch = true", []string{`6:16 from_scratch trains every weight, but adapter.kind is "lora" → write kind = "full" in [adapter]`}},
		{"[adapter]\nkind = \"full\"\nlora_r = 8", []string{`7:1 lora_r has no effect with kind = "full": there is no adapter → remove it`}},
		{"[train]\neval_steps = 10", []string{`6:1 eval_steps has no effect without records to evaluate on → write val_set_size = 0.05 in [data], or remove it`}},
		{"[train]\nearly_stopping_patience = 3", []string{`6:1 early_stopping_patience needs records to evaluate on → write val_set_size = 0.05 in [data]`}},
		{"[data]\nval_set_size = 2\n[train]\nearly_stopping_patience = 3", []string{`8:1 early_stopping_patience needs evaluations during the run, and eval_steps is 0 → write eval_steps = 50 in [train], or how often else`}},
		{"[train]\nearly_stopping_threshold = 0.1", []string{`6:1 early_stopping_threshold has no effect without early_stopping_patience → add early_stopping_patience = 3, or remove it`}},
		{"[train]\nlr_scheduler = \"reduce_lr_on_plateau\"", []string{`6:1 reduce_lr_on_plateau needs records to evaluate on → write val_set_size = 0.05 in [data]`}},
		{"[adapter]\ninit = \"pissa\"\nuse_dora = true", []string{`6:8 pissa and use_dora cannot be saved as one adapter for the original base → remove use_dora, or write init = "default"`}},
		{"[train]\nmomentum = 0.9", []string{`6:1 momentum has no effect with optimizer = "adamw" → remove it`}},
		{"[train]\noptimizer = \"sgd\"\nadam_beta1 = 0.9", []string{`7:1 adam_beta1 has no effect with optimizer = "sgd" → remove it`}},
		{"[train]\npower = 2", []string{`6:1 power has no effect with lr_scheduler = "cosine": it belongs to "polynomial" → remove it, or choose another lr_scheduler`}},
		{"[train]\nmin_lr = 1e-5", []string{`6:1 min_lr has no effect with lr_scheduler = "cosine": it belongs to "cosine_with_min_lr" and "reduce_lr_on_plateau" → remove it, or choose another lr_scheduler`}},
		{"[train]\nlr_scheduler = \"constant\"\nwarmup_steps = 5", []string{`7:1 warmup_steps has no effect with lr_scheduler = "constant", which has no warm-up → write lr_scheduler = "constant_with_warmup"`}},
		{"[train]\nlr_scheduler = \"cosine_with_min_lr\"", []string{`6:16 cosine_with_min_lr needs min_lr or min_lr_rate → add min_lr_rate = 0.1 to [train]`}},
		{"[train]\nlr_scheduler = \"cosine_with_min_lr\"\nmin_lr = 2e-4", []string{`7:10 min_lr is not below learning_rate, which is 0.0002`}},
		{"[train]\nlr_scheduler = \"warmup_stable_decay\"", []string{`6:16 warmup_stable_decay needs num_decay_steps → add num_decay_steps = 100 to [train], or how many of the last steps else`}},
		{"[train]\nlr_scheduler = \"cosine_with_restarts\"\nnum_cycles = 1.5", []string{`7:14 num_cycles of cosine_with_restarts is a whole number`}},
		{"[data]\ntrain_on_inputs = true\nmask_history = true", []string{`7:1 mask_history has no effect with train_on_inputs = true (on line 6) → remove one of the two`}},
		{"[data]\ntrain_on_inputs = true\nroles_to_train = [\"user\"]", []string{`7:1 roles_to_train has no effect with train_on_inputs = true (on line 6) → remove one of the two`}},

		// TOML itself.
		{"seed = 1\nseed = 2", []string{`6:1 key 'seed' has already been defined. → keep one of the two`}},
		{"seed = ", []string{`5:7 unexpected EOF; expected value`}},
		{`chat = "C:\Users\me"`, []string{`5:9 expected eight hexadecimal digits after '\U', but got "C:\\Us" instead → a backslash begins an escape in "…"; write a Windows path in single quotes, 'C:\data', or with /`}},
		{"x = \"a\xff\"", []string{`5:7 the file is not UTF-8 text → save it as UTF-8 in the editor`}},
		{"x = " + strings.Repeat("[", 99), []string{`5:37 keys or values are nested deeper than any setting is`}},
		{strings.Repeat("x.", 99) + "x = 1", []string{`5:65 keys or values are nested deeper than any setting is`}},
		{"\tséed = \"é\"", []string{`5:3 expected '.' or '=', but got 'é' instead → a setting is written key = value`}},
	} {
		if diff := cmp.Diff(c.want, found(t, required+c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestMissingKeys(t *testing.T) {
	const noBase = `1:1 base_model is missing → add base_model = "models/SmolLM2-135M": the model to fine-tune: a Hugging Face folder or a .gguf file, or embedded:demo; nothing is ever downloaded`
	const noOut = `1:1 output_dir is missing → add output_dir = "out/first": the folder that the adapter, metrics.jsonl, run.json and checkpoints are written to`
	const noData = `1:1 there is nothing to train on: [[datasets]] is missing → add [[datasets]] with path = "records.jsonl" and type = "alpaca"`
	const noPath = `[[datasets]] has no path → add path = "records.jsonl": a file of records, a folder of such files, a glob such as data/*.jsonl, or embedded:…; see data.md`
	const top = "base_model = 'm'\noutput_dir = 'o'\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", []string{noBase, noOut, noData}},
		{"full training needs data too", top + "adapter.kind = 'full'", []string{noData}},
		{"an empty list", top + "datasets = []", []string{`3:1 there is nothing to train on: datasets is an empty list → add [[datasets]] with path = "records.jsonl" and type = "alpaca"`}},
		{"one entry complete, one not", top + "[[datasets]]\npath='a'\ntype='alpaca'\n[[datasets]]\nlimit = 3", []string{"6:1 " + noPath}},
		{"inline", top + "datasets = [{type = 'alpaca'}]", []string{"3:13 " + noPath}},
		{"columns", top + "datasets = [{path = 'a', columns = {instruction = 3}}]", []string{`3:36 columns must be a table of the type's columns and the records' own names, such as { instruction = "question", output = "answer" }, found a table`}},
		{"empty strings", "base_model = ''\noutput_dir = 'o'\ndatasets = [{path = 'p', type = ''}]", []string{
			`1:14 base_model must be a path in quotes, found the string ""`,
			`3:33 type must be "alpaca", "sharegpt", "messages", "completion", "prompt", "preference" or "kto", or the name of a dataset plugin (a-z, 0-9, - and _), found the string ""`,
		}},
		{"one table instead of a list", top + "[datasets]\npath = 'a'", []string{
			`3:2 datasets is a list of tables, found the single table [datasets] → begin each with a line [[datasets]]`}},
		{"misspelt keys are not missing as well", "base_modle = 'm'\nout_dir = 'o'\n[[dataset]]\npath = 'a'", []string{
			`1:1 unknown key base_modle at the top of the file → did you mean base_model?`,
			`2:1 unknown key out_dir at the top of the file → it is called output_dir here`,
			`3:3 unknown table dataset → did you mean [[datasets]]?`}},
		{"nor keys in the wrong table", "output_dir = 'o'\n[[datasets]]\npath = 'a'\ntype = 'alpaca'\n[train]\nbase_model = 'm'", []string{
			`6:1 unknown key base_model in [train] → base_model belongs at the top of the file, above the first [table]`}},
		{"a misspelling excuses its own entry only", top + "[[datasets]]\npth = 'a'\ntype = 'alpaca'\n[[datasets]]\ntype = 'alpaca'", []string{
			`4:1 unknown key pth in [[datasets]] → did you mean path?`, "6:1 " + noPath}},
	} {
		if diff := cmp.Diff(c.want, found(t, c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestOverrides(t *testing.T) {
	for _, c := range []struct {
		set  string
		want []string
	}{
		{"train.lr=1e-4", []string{`--set 1:13 unknown key lr in [train] → it is called learning_rate here`}},
		{"train.learning_rate=fast", []string{`--set 1:27 learning_rate must be a number above 0 and at most 1, found the string "fast"`}},
		{"train.learning_rate=.5", []string{`--set 1:27 learning_rate must be a number above 0 and at most 1, found the string ".5" → write learning_rate = 0.5, without quotes`}},
		{"train.optimizer=adafactor", []string{`--set 1:23 optimizer = adafactor is not available in this version of loraedge → available: "adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit" and "sgd"`}},
		{"seed", []string{`--set 1:7 an override wants the form key=value → for example --set train.learning_rate=1e-4`}},
		{"=3", []string{`--set 1:7 "" is not a key → keys are written table.key, for example train.learning_rate`}},
		{"a b=3", []string{`--set 1:7 "a b" is not a key → keys are written table.key, for example train.learning_rate`}},
		{`output_dir="x`, []string{`--set 1:19 unexpected EOF; expected '"'`}},
		{"datasets.path=x", []string{`--set 1:16 datasets is a list: say which entry is meant, counted from 0 → write datasets.0.path for the first`}},
		{"datasets.1.path=x", []string{`--set 1:16 there is no datasets.1: the number of entries is 1 → entries are counted from 0`}},
		{"datasets.0.limit=-1", []string{`--set 1:24 limit must be a whole number of at least 0, found -1`}},
		{"output_dir=", []string{`--set 1:18 output_dir must be a path in quotes, found the string ""`}},
	} {
		if diff := cmp.Diff(c.want, found(t, required, c.set)); diff != "" {
			t.Errorf("--set %s (-want +got):\n%s", c.set, diff)
		}
	}
	both := found(t, required+"[train]\nlr = 1", "train.max_steps=3", "train.num_epochs=2", "seed")
	want := []string{
		`6:1 unknown key lr in [train] → it is called learning_rate here`,
		`--set 2:13 num_epochs and max_steps exclude each other: max_steps is set in --set train.max_steps=3 → remove one of the two`,
		`--set 3:7 an override wants the form key=value → for example --set train.learning_rate=1e-4`,
	}
	if diff := cmp.Diff(want, both); diff != "" {
		t.Errorf("file and overrides (-want +got):\n%s", diff)
	}
}

func TestUnavailableSettingsAreRefused(t *testing.T) {
	for _, u := range unavailable {
		value := fmt.Sprintf("%#v", u.Value)
		if u.Value == (other{}) {
			value = "5"
			if u.Key == "adapter.modules_to_save" {
				value = `["lm_head"]`
			}
		}
		_, name := splitKey(u.Key)
		want := name + " = " + value + " is not available in this version of loraedge"
		got := found(t, required, u.Key+"="+value)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s = %s gives %q, want %q", u.Key, value, got, want)
		}
	}
}

func TestUnavailableSettingsAreReadOnceAvailable(t *testing.T) {
	saved := unavailable
	defer func() { unavailable = saved }()
	unavailable = nil
	c, err := Parse("lora.toml", []byte(required), []string{"adapter.kind=qlora", "adapter.use_dora=true", "device.backend=vulkan"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Adapter.Kind != "lora" || !c.Quantization.LoadIn4Bit || !c.Adapter.UseDora || c.Device.Backend != "vulkan" {
		t.Errorf("read as %+v", c)
	}
}

// The golden is the text that a person sees. It is written by
// go test ./core/config -run Golden -update, and read before it is committed.
func TestTenMistakesGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/ten_mistakes.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("lora.toml", text, nil)
	if err == nil {
		t.Fatal("no error")
	}
	got := err.Error() + "\n"
	const golden = "testdata/ten_mistakes.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

func TestErrorShowsTheLine(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name string
		e    Error
		want string
	}{
		{"tabs stay tabs", Error{"f", 3, 3, 2, "\tab\tc", "m", "h"},
			"f:3:3: error: m\n    3 | \tab\tc\n      | \t ^^\n      = help: h"},
		{"control characters are not sent to the terminal", Error{"f", 1, 1, 1, "\x1b[31m", "a\x07b", ""},
			"f:1:1: error: a\ufffdb\n    1 | \ufffd[31m\n      | ^"},
		{"past the end of the line", Error{"f", 12345, 3, 5, "ab", "m", ""},
			"f:12345:3: error: m\n 12345 | ab\n       |   ^"},
		{"a long line is cut around the place", Error{"f", 1, 200, 4, long, "m", ""},
			"f:1:200: error: m\n    1 | " + long[:120] + "\n      | " + strings.Repeat(" ", 59) + "^^^^"},
	} {
		if diff := cmp.Diff(c.want, c.e.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
