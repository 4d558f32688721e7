package config

import "strings"

// check looks at keys beside each other, and settles what follows from one
// for another.
func (d *decoder) check(c *Config) {
	d.checkExclusive(c)
	d.checkDatasets(c)
	d.checkFull(c)
	d.checkEvaluation(c)
	d.checkSchedule(c)
	d.checkOptimizer(c)
	for _, key := range []string{"roles_to_train", "mask_history"} {
		if n := d.given["data."+key]; n != nil && c.Data.TrainOnInputs && (key != "mask_history" || c.Data.MaskHistory) {
			d.fail(n.keyErrorf("remove one of the two",
				"%s has no effect with train_on_inputs = true (%s)", key, d.given["data.train_on_inputs"].place()))
		}
	}
	if n := d.given["adapter.init"]; n != nil && c.Adapter.Init == "pissa" {
		switch {
		case c.Adapter.UseDora:
			d.fail(n.errorf(`remove use_dora, or write init = "default"`, "pissa and use_dora cannot be saved as one adapter for the original base"))
		case c.Adapter.Kind == "qlora" || c.Quantization.LoadIn4Bit:
			d.fail(n.errorf(`write init = "default"`, "pissa takes a part out of the weights, which 4-bit weights cannot give"))
		}
	}
	if c.Adapter.Kind == "qlora" {
		c.Adapter.Kind = "lora"
		c.Quantization.LoadIn4Bit = true
	}
}

// checkExclusive refuses both keys of a pair, and clears the default of the
// one that is not given.
func (d *decoder) checkExclusive(c *Config) {
	for _, pair := range exclusive {
		first, second := d.given[pair[0]], d.given[pair[1]]
		if first == nil || second == nil {
			continue
		}
		_, a := splitKey(pair[0])
		_, b := splitKey(pair[1])
		if second.before(first) {
			first, second, a, b = second, first, b, a
		}
		d.fail(second.keyErrorf("remove one of the two", "%s and %s exclude each other: %s is set %s", b, a, a, first.place()))
	}
	if d.given["train.max_steps"] != nil {
		c.Train.NumEpochs = 0
	}
	if d.given["train.warmup_steps"] != nil {
		c.Train.WarmupRatio = 0
	}
}

// before reports whether n stands before m; overrides stand after the file.
func (n *node) before(m *node) bool {
	if n.src != m.src {
		return n.src.override < m.src.override
	}
	return n.key.start < m.key.start
}

func (d *decoder) checkDatasets(c *Config) {
	if len(c.Datasets) > 0 || d.meant[meaning{key: "datasets"}] {
		return
	}
	for m := range d.meant {
		if strings.HasPrefix(m.key, "datasets.") {
			return
		}
	}
	hint := `add [[datasets]] with path = "records.jsonl" and type = "alpaca"`
	if n := d.root.table["datasets"]; n != nil {
		d.fail(n.keyErrorf(hint, "there is nothing to train on: datasets is an empty list"))
		return
	}
	d.fail(d.root.src.errorAt(span{}, "there is nothing to train on: [[datasets]] is missing", hint))
}

// checkFull refuses what only one kind of training heeds.
func (d *decoder) checkFull(c *Config) {
	if d.failedAt("adapter.kind") {
		return
	}
	if n := d.given["train.from_scratch"]; c.Train.FromScratch && c.Adapter.Kind != "full" {
		d.fail(n.errorf(`write kind = "full" in [adapter]`,
			"from_scratch trains every weight, but adapter.kind is %q", c.Adapter.Kind))
	}
	if c.Adapter.Kind != "full" {
		return
	}
	if n := d.given["quantization.load_in_4bit"]; n != nil && c.Quantization.LoadIn4Bit {
		d.fail(n.errorf("remove one of the two", "weights in 4 bits cannot be trained whole (adapter.kind is \"full\")"))
	}
	for _, k := range tableNamed("adapter").Keys {
		if n := d.given["adapter."+k.Name]; n != nil && k.Name != "kind" {
			d.fail(n.keyErrorf("remove it", `%s has no effect with kind = "full": there is no adapter`, k.Name))
		}
	}
}

// checkEvaluation refuses settings of an evaluation that never takes place.
func (d *decoder) checkEvaluation(c *Config) {
	if d.meant[meaning{key: "data.val_set_size"}] || d.meant[meaning{key: "test_datasets"}] || d.failedAt("data.val_set_size") {
		return
	}
	if n := d.given["data.val_set_size"]; n != nil && !c.Data.ValSetSize.None() && len(c.TestDatasets) > 0 {
		d.fail(n.keyErrorf("remove one of the two", "val_set_size and [[test_datasets]] exclude each other"))
	}
	nothing := c.Data.ValSetSize.None() && len(c.TestDatasets) == 0
	if nothing {
		if n := d.given["train.eval_steps"]; n != nil && c.Train.EvalSteps > 0 {
			d.fail(n.keyErrorf("write val_set_size = 0.05 in [data], or remove it", "eval_steps has no effect without records to evaluate on"))
		}
	}
	// needs reports a setting that decides by evaluations, where there are none.
	needs := func(key, what string) {
		n := d.given[key]
		switch {
		case n == nil || d.failedAt(key):
		case nothing:
			d.fail(n.keyErrorf("write val_set_size = 0.05 in [data]", "%s needs records to evaluate on", what))
		case c.Train.EvalSteps == 0 && !d.failedAt("train.eval_steps"):
			d.fail(n.keyErrorf("write eval_steps = 50 in [train], or how often else", "%s needs evaluations during the run, and eval_steps is 0", what))
		}
	}
	if c.Train.EarlyStoppingPatience > 0 {
		needs("train.early_stopping_patience", "early_stopping_patience")
	} else if n := d.given["train.early_stopping_threshold"]; n != nil {
		d.fail(n.keyErrorf("add early_stopping_patience = 3, or remove it", "early_stopping_threshold has no effect without early_stopping_patience"))
	}
	if c.Train.LRScheduler == plateau {
		needs("train.lr_scheduler", plateau)
	}
}

// checkOptimizer refuses settings of another optimizer.
func (d *decoder) checkOptimizer(c *Config) {
	if d.failedAt("train.optimizer") {
		return
	}
	sgd := c.Train.Optimizer == "sgd"
	for _, key := range []string{"momentum", "adam_beta1", "adam_beta2", "adam_epsilon"} {
		if n := d.given["train."+key]; n != nil && sgd != (key == "momentum") {
			d.fail(n.keyErrorf("remove it", "%s has no effect with optimizer = %q", key, c.Train.Optimizer))
		}
	}
}

// failedAt reports whether the key's value is already in an error, so that
// nothing should be concluded from it.
func (d *decoder) failedAt(fullName string) bool {
	n := d.given[fullName]
	if n == nil {
		return false
	}
	at := n.errorf("", "")
	for _, e := range d.errs {
		if e.File == at.File && e.Line == at.Line && e.Column == at.Column {
			return true
		}
	}
	return false
}
