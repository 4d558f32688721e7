// Package adapter reads and writes LoRA adapters as PEFT has them: a folder
// with adapter_config.json and adapter_model.safetensors, whose keys are
//
//	base_model.model.<module path>.lora_A.weight  [r, in]
//	base_model.model.<module path>.lora_B.weight  [out, r]
//
// and, for modules_to_save, base_model.model.<name of the trained tensor>.
//
// It reads what PEFT writes for LoRA and DoRA (with a key
// base_model.model.<module path>.lora_magnitude_vector [out]) on linears, with rank and alpha patterns and
// rsLoRA; anything that would make the same tensors mean something else is an
// error that names it.
//
// The package must not know models, graphs or training. Begin with Adapter in
// adapter.go; config.go holds adapter_config.json, pattern.go the matching of
// module paths.
package adapter
