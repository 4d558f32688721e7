package config

import "strconv"

// Table is one table of lora.toml; the one without a name is the file's top.
type Table struct {
	Name string
	List bool // an array of tables, [[name]]
	Doc  string
	Keys []Key
}

// Key is one setting. Its type is that of the Config field of the same name.
type Key struct {
	Name     string
	Default  string // as TOML; empty: the type's zero
	Required bool
	Example  string   // of a required key, as TOML
	Allowed  []string // the strings it may hold
	Range    *Range   // of a number, or of the length of a list
	Doc      string   // one line
}

// tables is every key of lora.toml.
var tables = []Table{
	{Doc: "They stand above the first `[table]`.", Keys: []Key{
		{Name: "base_model", Required: true, Example: `"models/SmolLM2-135M"`, Doc: "the model to fine-tune: a Hugging Face folder or a .gguf file, or `embedded:demo`; nothing is ever downloaded"},
		{Name: "output_dir", Required: true, Example: `"out/first"`, Doc: "the folder that the adapter, metrics.jsonl, run.json and checkpoints are written to"},
		{Name: "seed", Default: "42", Range: between(0, 1<<53), Doc: "where every random choice of the run begins; the same seed repeats the run"},
	}},
	{Name: "adapter", Doc: "Which weights are trained.", Keys: []Key{
		{Name: "kind", Default: `"lora"`, Allowed: []string{"lora", "full", "qlora"}, Doc: "`lora` trains an adapter, `full` every weight; `qlora` is short for `lora` with `load_in_4bit = true`"},
		{Name: "lora_r", Default: "16", Range: between(1, 65536), Doc: "rank of the adapter"},
		{Name: "lora_alpha", Default: "32", Range: above(0), Doc: "the adapter's output is scaled by lora_alpha / lora_r"},
		{Name: "lora_dropout", Default: "0.0", Range: below(0, 1), Doc: "share of the adapter's inputs dropped while training"},
		{Name: "lora_target_modules", Default: `"all-linear"`, Doc: "the linears that get an adapter; `all-linear` is every one of the blocks, not the output head"},
		{Name: "modules_to_save", Default: "[]", Doc: "modules trained whole and saved beside the adapter"},
		{Name: "use_rslora", Default: "false", Doc: "scale by lora_alpha / √lora_r instead (rank-stabilised LoRA)"},
		{Name: "use_dora", Default: "false", Doc: "DoRA: the adapter also learns a magnitude for each output, and A and B the direction; slower"},
		{Name: "init", Default: `"default"`, Allowed: []string{"default", "gaussian", "pissa", "olora", "loftq"}, Doc: "how the adapter begins; `default` is Kaiming-uniform A and B = 0, `gaussian` an A of deviation 1 / lora_r, `pissa` the principal singular values of each weight (PiSSA), saved as a plain LoRA of twice the rank for the original base"},
		{Name: "loraplus_lr_ratio", Default: "0.0", Range: atLeast(0), Doc: "learning rate of B (and of magnitudes) over that of A (LoRA+), which is learning_rate; 0 is off"},
	}},
	{Name: "quantization", Doc: "How the frozen weights are held.", Keys: []Key{
		{Name: "load_in_4bit", Default: "false", Doc: "hold the linears of the blocks in 4 bits; a base model that bitsandbytes quantised is taken as it is in any case"},
		{Name: "quant_type", Default: `"nf4"`, Allowed: []string{"nf4"}, Doc: "the 4-bit format"},
		{Name: "double_quant", Default: "true", Doc: "quantise the scales as well: 4.13 bits a weight instead of 4.5"},
	}},
	{Name: "datasets", List: true, Doc: "What is trained on; one `[[datasets]]` for each.", Keys: datasetKeys("train")},
	{Name: "test_datasets", List: true, Doc: "What is evaluated on, instead of a part of the `[[datasets]]` (`val_set_size`); one `[[test_datasets]]` for each.", Keys: datasetKeys("validation")},
	{Name: "data", Doc: "How records become batches of tokens.", Keys: []Key{
		{Name: "sequence_len", Default: "2048", Range: between(8, 1<<20), Doc: "the most tokens of a record or pack"},
		{Name: "sample_packing", Default: "true", Doc: "lay several records into one sequence; they do not see each other"},
		{Name: "shuffle", Default: "true", Doc: "draw the records in a new order each epoch"},
		{Name: "on_long", Default: `"cut"`, Allowed: []string{"cut", "split", "drop", "error"}, Doc: "what becomes of a record longer than sequence_len: `split` goes on in further examples; it is counted in any case"},
		{Name: "dataset_exact_deduplication", Default: "false", Doc: "leave records out whose tokens equal an earlier record's, over all datasets; those of [[test_datasets]] come after those that are trained on. They are counted in any case"},
		{Name: "dataset_prepared_path", Default: `"auto"`, Doc: "where tokenised data is kept for the next run; `auto` is the user's cache folder, `none` keeps nothing"},
		{Name: "val_set_size", Default: "0", Doc: "records kept for evaluation"},
		{Name: "train_on_inputs", Default: "false", Doc: "train on every token, not only on those of roles_to_train"},
		{Name: "roles_to_train", Default: `["assistant"]`, Allowed: []string{"system", "user", "assistant", "tool"}, Range: atLeast(1), Doc: "whose turns are trained on"},
		{Name: "mask_history", Default: "false", Doc: "train only on the last of the turns that would be trained on"},
		{Name: "train_on_eos", Default: `"turn"`, Allowed: []string{"turn", "all", "last", "none"}, Doc: "the end-of-turn tokens trained on: those of trained turns, all, the last one, or none"},
		{Name: "split_special_tokens", Default: "false", Doc: "text of a record that looks like a special token, such as `</s>`, stays text: it is cut into ordinary tokens. The chat template's own are special all the same"},
		{Name: "chat_template", Default: `"tokenizer"`, Doc: "how a conversation is laid out as text; `tokenizer` is the model's own template, `tokenizer:tool_use` that of its own which is named so"},
	}},
	{Name: "train", Doc: "The schedule and the optimizer. A step is one update of the weights.", Keys: []Key{
		{Name: "num_epochs", Default: "1", Range: above(0), Doc: "passes over the data; instead of max_steps"},
		{Name: "max_steps", Range: between(1, 1<<31-1), Doc: "steps in all; instead of num_epochs"},
		{Name: "from_scratch", Default: "false", Doc: "begin from random weights: base_model is a folder with config.json and tokenizer, and adapter.kind is `full`"},
		{Name: "micro_batch_size", Default: "1", Range: between(1, 65536), Doc: "sequences in memory at a time"},
		{Name: "gradient_accumulation_steps", Default: "4", Range: between(1, 65536), Doc: "micro batches that make a step"},
		{Name: "learning_rate", Default: "2e-4", Range: &Range{Min: 0, AboveMin: true, Max: 1}, Doc: "the highest learning rate"},
		{Name: "lr_scheduler", Default: `"cosine"`, Allowed: schedulers, Doc: "how the rate goes on after the warm-up: Transformers' schedules; `constant` and `reduce_lr_on_plateau` have no warm-up, and the last lowers the rate when the validation loss stops falling"},
		{Name: "warmup_steps", Range: between(0, 1<<31-1), Doc: "steps in which the rate rises from 0; instead of warmup_ratio"},
		{Name: "warmup_ratio", Default: "0.03", Range: below(0, 1), Doc: "warm-up as a share of all steps, rounded up; instead of warmup_steps"},
		{Name: "num_cycles", Default: "0.0", Range: atLeast(0), Doc: "waves of the cosine, or restarts of `cosine_with_restarts`; 0 is the schedule's own: 0.5, and 1 restart"},
		{Name: "power", Default: "1.0", Range: above(0), Doc: "exponent of `polynomial`"},
		{Name: "lr_end", Default: "1e-7", Range: between(0, 1), Doc: "the rate that `polynomial` ends at"},
		{Name: "min_lr", Default: "0.0", Range: between(0, 1), Doc: "the rate that `cosine_with_min_lr` ends at, or the lowest of `reduce_lr_on_plateau`"},
		{Name: "min_lr_rate", Default: "0.0", Range: between(0, 1), Doc: "the same as a share of learning_rate, for `cosine_with_min_lr` and `warmup_stable_decay`"},
		{Name: "timescale", Default: "0", Range: atLeast(0), Doc: "steps of `inverse_sqrt`'s scale; 0 is those of the warm-up, or 10000 without one"},
		{Name: "num_decay_steps", Default: "0", Range: atLeast(0), Doc: "steps at the end in which `warmup_stable_decay` falls; it must be given"},
		{Name: "warmup_type", Default: `"linear"`, Allowed: []string{"linear", "cosine", "1-sqrt"}, Doc: "how `warmup_stable_decay` rises"},
		{Name: "decay_type", Default: `"cosine"`, Allowed: []string{"linear", "cosine", "1-sqrt"}, Doc: "how `warmup_stable_decay` falls"},
		{Name: "plateau_factor", Default: "0.1", Range: &Range{Min: 0, AboveMin: true, Max: 1, BelowMax: true}, Doc: "what `reduce_lr_on_plateau` multiplies the rate by"},
		{Name: "plateau_patience", Default: "10", Range: atLeast(0), Doc: "evaluations without a better loss that `reduce_lr_on_plateau` lets pass"},
		{Name: "plateau_threshold", Default: "1e-4", Range: below(0, 1), Doc: "the share by which a loss must be lower to be a better one"},
		{Name: "plateau_cooldown", Default: "0", Range: atLeast(0), Doc: "evaluations after a reduction that do not count"},
		{Name: "optimizer", Default: `"adamw"`, Allowed: []string{"adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "adafactor", "lion", "sgd"}, Doc: "the rule of the update; `adamw_8bit` keeps the moments of tensors of at least 4096 elements in 8 bits (bitsandbytes' blocks and codes), embeddings' not; the `paged_` names are the same rules: memory is planned beforehand here, so nothing is paged"},
		{Name: "weight_decay", Default: "0.0", Range: atLeast(0), Doc: "decoupled weight decay; of `sgd`, added to the gradient as torch does"},
		{Name: "adam_beta1", Default: "0.9", Range: below(0, 1), Doc: "decay of the mean of gradients"},
		{Name: "adam_beta2", Default: "0.999", Range: below(0, 1), Doc: "decay of the mean of squared gradients"},
		{Name: "adam_epsilon", Default: "1e-8", Range: above(0), Doc: "keeps the update finite where gradients vanish"},
		{Name: "momentum", Default: "0.0", Range: below(0, 1), Doc: "share of the last update that `sgd` keeps"},
		{Name: "max_grad_norm", Default: "1.0", Range: atLeast(0), Doc: "gradients are scaled down to this norm; 0 is off"},
		{Name: "neftune_noise_alpha", Default: "0.0", Range: atLeast(0), Doc: "NEFTune: noise on the embeddings while training, uniform up to ±alpha/√(tokens of the record · width); 5 is usual, 0 is off"},
		{Name: "early_stopping_patience", Default: "0", Range: atLeast(0), Doc: "stop after so many evaluations in a row without a better validation loss; the weights of the best one are kept and are the run's result. 0 is off"},
		{Name: "early_stopping_threshold", Default: "0.0", Range: atLeast(0), Doc: "how much lower a validation loss must be to count as better"},
		{Name: "eval_steps", Default: "0", Range: atLeast(0), Doc: "evaluate every so many steps; 0 is at the end only"},
		{Name: "save_steps", Default: "100", Range: atLeast(0), Doc: "save a checkpoint every so many steps; 0 is at the end only"},
		{Name: "save_total_limit", Default: "2", Range: atLeast(0), Doc: "checkpoints kept, the newest; 0 is all"},
		{Name: "logging_steps", Default: "1", Range: atLeast(0), Doc: "write metrics every so many steps; 0 is at the end only"},
	}},
	{Name: "device", Doc: "Where the run takes place.", Keys: []Key{
		{Name: "backend", Default: `"auto"`, Allowed: []string{"auto", "vulkan", "cpu"}, Doc: "what computes"},
		{Name: "device", Default: `"auto"`, Doc: "which of the backend's devices; `loraedge devices` lists them"},
		{Name: "dtype", Default: `"auto"`, Allowed: []string{"auto", "float32", "bfloat16", "float16"}, Doc: "what matrix products run in, and what frozen weights are rounded to where the file has more; `auto` is what is fastest on the device. Adapters, sums and everything else stay float32; in float16 the loss is scaled, by a factor that the run finds itself"},
		{Name: "memory", Default: `"auto"`, Doc: "the most memory of the device that the run may plan for; `auto` is three quarters of what it has. On a GPU, inputs and weights of blocks wait in the host's memory where they do not fit; `loraedge check` says which, and how much a step copies"},
		{Name: "gradient_checkpointing", Default: `"auto"`, Doc: "recompute activations instead of keeping them; `auto` does so where memory needs it"},
	}},
	{Name: "report", Doc: "What is written beside metrics.jsonl and run.json.", Keys: []Key{
		{Name: "tensorboard", Default: "false", Doc: "events for TensorBoard"},
		{Name: "wandb", Default: "false", Doc: "an offline run folder for Weights & Biases"},
		{Name: "html", Default: "false", Doc: "report.html, one file"},
		{Name: "sample_prompts", Default: "[]", Doc: "prompts answered before, during and after training"},
	}},
	{Name: "plugins", Doc: "Plugins outside the binary; each runs only after `loraedge plugins trust`.", Keys: []Key{
		{Name: "paths", Default: "[]", Doc: "folders and executables where plugins are looked for as well"},
		{Name: "sha256", Default: "{}", Doc: "the only bytes that a plugin of this name may have; a pin can forbid a plugin, not allow one"},
	}},
}

// datasetKeys are those of a list of data sets, which reads this split unless
// told otherwise.
func datasetKeys(split string) []Key {
	return []Key{
		{Name: "path", Required: true, Example: `"records.jsonl"`, Doc: "a file of records, a folder of such files, a glob such as `data/*.jsonl`, or `embedded:…`; see data.md"},
		{Name: "type", Doc: "how a record becomes a conversation; left out, it is recognised from the first records"},
		{Name: "columns", Default: "{}", Doc: "the type's columns to the records' own names where they differ: `{ instruction = \"question\", output = \"answer\" }`"},
		{Name: "split", Default: strconv.Quote(split), Doc: "the split to read where the names in a folder or glob tell several"},
		{Name: "limit", Default: "0", Range: atLeast(0), Doc: "use only the first so many records; 0 is all"},
		{Name: "weight", Default: "1.0", Range: above(0), Doc: "multiplies the loss of this data set's tokens"},
	}
}

// exclusive are pairs of keys that say the same thing in two ways. The one
// that is not given is 0 in Config; where neither is given, defaults apply.
var exclusive = [][2]string{
	{"train.num_epochs", "train.max_steps"},
	{"train.warmup_ratio", "train.warmup_steps"},
	{"train.min_lr", "train.min_lr_rate"},
}

func tableNamed(name string) *Table {
	for i := range tables {
		if tables[i].Name == name {
			return &tables[i]
		}
	}
	return nil
}

func (t *Table) key(name string) *Key {
	for i := range t.Keys {
		if t.Keys[i].Name == name {
			return &t.Keys[i]
		}
	}
	return nil
}

// header is the line that opens the table.
func (t *Table) header() string {
	if t.List {
		return "[[" + t.Name + "]]"
	}
	return "[" + t.Name + "]"
}

// in says where a key of the table stands.
func (t *Table) in() string {
	if t.Name == "" {
		return "at the top of the file"
	}
	return "in " + t.header()
}

// fullName is the key as in --set, without the number of a [[datasets]] entry.
func (t *Table) fullName(key string) string {
	if t.Name == "" {
		return key
	}
	return t.Name + "." + key
}
