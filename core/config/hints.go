package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/core/suggest"
)

// otherNames are what Axolotl, PEFT, Transformers and TRL call our keys and
// values. They are not accepted, only recognised.
var otherNames = map[string]string{
	"adapter_type":                "kind",
	"alpha":                       "lora_alpha",
	"cooldown":                    "plateau_cooldown",
	"cosine_min_lr_ratio":         "min_lr_rate",
	"factor":                      "plateau_factor",
	"min_lr_ratio":                "min_lr_rate",
	"noisy_embedding_alpha":       "neftune_noise_alpha",
	"patience":                    "plateau_patience",
	"base_model_name_or_path":     "base_model",
	"batch_size":                  "micro_batch_size",
	"beta1":                       "adam_beta1",
	"beta2":                       "adam_beta2",
	"bf16":                        "bfloat16",
	"bnb_4bit_quant_type":         "quant_type",
	"bnb_4bit_use_double_quant":   "double_quant",
	"cutoff_len":                  "sequence_len",
	"data_files":                  "path",
	"data_path":                   "path",
	"dataset":                     "path",
	"dpo":                         "preference",
	"dropout":                     "lora_dropout",
	"ds_type":                     "type",
	"epochs":                      "num_epochs",
	"excess_length_strategy":      "on_long",
	"f16":                         "float16",
	"f32":                         "float32",
	"field":                       "columns",
	"field_instruction":           "columns",
	"field_messages":              "columns",
	"field_output":                "columns",
	"field_system":                "columns",
	"formatting":                  "type",
	"fp16":                        "float16",
	"fp32":                        "float32",
	"gradient_clipping":           "max_grad_norm",
	"half":                        "float16",
	"init_lora_weights":           "init",
	"lora_rank":                   "lora_r",
	"lora_target_linear":          "lora_target_modules",
	"lr":                          "learning_rate",
	"lr_scheduler_type":           "lr_scheduler",
	"max_length":                  "sequence_len",
	"max_samples":                 "limit",
	"max_seq_length":              "sequence_len",
	"message_field_content":       "columns",
	"message_field_role":          "columns",
	"message_property_mappings":   "columns",
	"model":                       "base_model",
	"model_name_or_path":          "base_model",
	"num_samples":                 "limit",
	"num_train_epochs":            "num_epochs",
	"openai":                      "messages",
	"optim":                       "optimizer",
	"orpo":                        "preference",
	"out_dir":                     "output_dir",
	"output":                      "output_dir",
	"packing":                     "sample_packing",
	"peft_use_dora":               "use_dora",
	"peft_use_rslora":             "use_rslora",
	"per_device_train_batch_size": "micro_batch_size",
	"precision":                   "dtype",
	"pretrain":                    "completion",
	"pretraining":                 "completion",
	"r":                           "lora_r",
	"rank":                        "lora_r",
	"sample_ratio":                "weight",
	"scheduler":                   "lr_scheduler",
	"target_modules":              "lora_target_modules",
	"tokenized_path":              "dataset_prepared_path",
	"torch_dtype":                 "dtype",
	"truncate":                    "cut",
	"val_size":                    "val_set_size",
	"wd":                          "weight_decay",
}

// unknown reports a key that its table, the node in, does not have.
func (d *decoder) unknown(t *Table, in *node, name string, n *node) {
	what := "key"
	if n.table != nil || len(n.list) > 0 && n.list[0].table != nil {
		what = "table"
	}
	fullName, hint := likelyMeant(t, name, what == "table")
	if fullName != "" {
		m := meaning{key: fullName}
		if _, key := splitKey(fullName); t.List && t.fullName(key) == fullName {
			m.entry = in
		}
		d.meant[m] = true
	}
	where := " " + t.in()
	if what == "table" && t.Name == "" {
		where = ""
	}
	d.fail(n.keyErrorf(hint, "unknown %s %s%s", what, quoteOdd(name), where))
}

// likelyMeant finds the key or table that an unknown name stands for, by
// falling certainty, and the advice that follows; fullName is "" for a guess
// at nothing.
func likelyMeant(t *Table, name string, asTable bool) (fullName, hint string) {
	if asTable {
		if known := tableNamed(name); name != "" && known != nil {
			return name, fmt.Sprintf("%s is a table of its own: begin it with a line %s", name, known.header())
		}
		if near, ok := suggest.Nearest(name, tableNames()); ok {
			return near, fmt.Sprintf("did you mean %s?", tableNamed(near).header())
		}
		if t.Name == "" {
			return "", "the tables are " + strings.Join(tableNames(), ", ")
		}
	}
	if ours, ok := otherNames[name]; ok {
		if owner := ownerOf(ours, t); owner != nil {
			return owner.fullName(ours), fmt.Sprintf("it is called %s here%s", ours, elsewhere(owner, t))
		}
	}
	if owner := ownerOf(name, t); owner != nil {
		return owner.fullName(name), name + belongs(owner)
	}
	if near, ok := suggest.Nearest(name, keyNames(t)); ok {
		return t.fullName(near), fmt.Sprintf("did you mean %s?", near)
	}
	var all []string
	for i := range tables {
		all = append(all, keyNames(&tables[i])...)
	}
	if near, ok := suggest.Nearest(name, all); ok {
		owner := ownerOf(near, t)
		return owner.fullName(near), fmt.Sprintf("did you mean %s%s?", near, elsewhere(owner, t))
	}
	return "", fmt.Sprintf("the keys %s are %s", t.in(), strings.Join(keyNames(t), ", "))
}

// ownerOf is the table that has a key, t itself before others.
func ownerOf(name string, t *Table) *Table {
	if t.key(name) != nil {
		return t
	}
	for i := range tables {
		if tables[i].key(name) != nil {
			return &tables[i]
		}
	}
	return nil
}

func belongs(owner *Table) string {
	if owner.Name == "" {
		return " belongs at the top of the file, above the first [table]"
	}
	return " belongs in " + owner.header()
}

func elsewhere(owner, t *Table) string {
	switch {
	case owner == t:
		return ""
	case owner.Name == "":
		return ", at the top of the file, above the first [table]"
	}
	return ", in " + owner.header()
}

func tableNames() []string {
	var names []string
	for _, t := range tables {
		if t.Name != "" {
			names = append(names, t.Name)
		}
	}
	return names
}

func keyNames(t *Table) []string {
	names := make([]string, len(t.Keys))
	for i, k := range t.Keys {
		names[i] = k.Name
	}
	return names
}

// quoteOdd quotes a name that is not a plain word.
func quoteOdd(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return strconv.Quote(name)
	}
	return name
}

// valueHint is the likely fix of a value of the wrong kind or out of range,
// "" where there is none.
func (d *decoder) valueHint(k *Key, into any, n *node) string {
	text, isText := n.value.(string)
	switch into.(type) {
	case *int, *int64, *float64:
		return numberHint(k, into, n)
	case *bool:
		switch strings.ToLower(text) {
		case "true", "yes", "on":
			return fmt.Sprintf("write %s = true, without quotes", k.Name)
		case "false", "no", "off":
			return fmt.Sprintf("write %s = false, without quotes", k.Name)
		}
		if n.value == int64(0) || n.value == int64(1) {
			return fmt.Sprintf("write %s = %v", k.Name, n.value == int64(1))
		}
	case *AutoBool:
		if text == "true" || text == "false" {
			return fmt.Sprintf("write %s = %s, without quotes", k.Name, text)
		}
	case *Memory:
		return memoryHint(k, n)
	case *ValSetSize:
		return valSetSizeHint(k, n)
	case *ChatTemplate:
		return didYouMean(text, chatTemplates)
	case *DatasetType:
		return didYouMean(text, builtinDatasets)
	case *TargetModules:
		if suggestion := didYouMean(text, []string{allLinear}); suggestion != "" {
			return suggestion
		}
		if isText && text != "" {
			return fmt.Sprintf("write %s = [%q]", k.Name, text)
		}
	case *[]string, *[]Path:
		if isText && n.list == nil && text != "" && (k.Allowed == nil || slices.Contains(k.Allowed, text)) {
			return fmt.Sprintf("write %s = [%q]", k.Name, text)
		}
	}
	return didYouMean(text, k.Allowed)
}

// numberHint is for quoted numbers, whole numbers with a point and exponents
// that lack their minus sign.
func numberHint(k *Key, into any, n *node) string {
	x, isNumber := number(n.value)
	quoted := false
	if text, ok := n.value.(string); ok {
		parsed, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		x, isNumber, quoted = parsed, err == nil, true
	}
	if !isNumber {
		return ""
	}
	_, wantsFloat := into.(*float64)
	fits := k.Range.holds(x) && (wantsFloat || x == float64(int64(x)))
	switch {
	case k.Range != nil && k.Range.Max == unlimited && x > unlimited:
		return "the most is " + plain(unlimited)
	case fits && quoted:
		return fmt.Sprintf("write %s = %s, without quotes", k.Name, strconv.FormatFloat(x, 'g', -1, 64))
	case fits:
		return fmt.Sprintf("write %s = %s", k.Name, plain(x))
	case k.Name == "learning_rate" && x > 1 && strings.Contains(n.text(), "e"):
		return fmt.Sprintf("is the minus of the exponent missing? %s", strings.NewReplacer("e+", "e-", "e", "e-").Replace(n.text()))
	}
	return ""
}

func memoryHint(k *Key, n *node) string {
	switch v := n.value.(type) {
	case int64:
		if v > 0 && v < 4096 {
			return fmt.Sprintf(`write %s = "%dGiB"`, k.Name, v)
		}
		return fmt.Sprintf(`write %s = "%dB"`, k.Name, v)
	case string:
		number := strings.TrimRight(v, "gGiIbB ")
		if _, err := strconv.ParseFloat(number, 64); err == nil && number != v {
			return fmt.Sprintf(`write %s = "%sGiB"`, k.Name, number)
		}
	}
	return ""
}

func valSetSizeHint(k *Key, n *node) string {
	switch v := n.value.(type) {
	case float64:
		if v >= 1 && v == float64(int64(v)) {
			return fmt.Sprintf("write %s = %d for a count of records", k.Name, int64(v))
		}
	case string:
		if percent, ok := strings.CutSuffix(v, "%"); ok {
			if x, err := strconv.ParseFloat(percent, 64); err == nil && x > 0 && x < 100 {
				return fmt.Sprintf("write %s = %s", k.Name, strconv.FormatFloat(x/100, 'g', 6, 64))
			}
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return fmt.Sprintf("write %s = %s, without quotes", k.Name, v)
		}
	}
	return ""
}

// didYouMean suggests one of the values, by another tool's name for it or by
// likeness.
func didYouMean(text string, values []string) string {
	meant, ok := otherNames[strings.ToLower(text)]
	if !ok || !slices.Contains(values, meant) {
		meant, ok = suggest.Nearest(text, values)
	}
	if !ok {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", meant)
}
