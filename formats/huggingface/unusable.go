package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName matches the name of a model on the Hugging Face hub.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// checkFolder is an error where dir is not a folder. A name of the hub gets to
// know that nothing is downloaded, and where a copy lies if there is one.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil && strings.EqualFold(filepath.Ext(dir), ".gguf"):
		return fmt.Errorf("%s is a GGUF file, which is not read yet; the base model is a folder with %s and safetensors weights", dir, configFile)
	case err == nil:
		return fmt.Errorf("%s is a file; the base model is a folder with %s and safetensors weights", dir, configFile)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the model folder cannot be read: %w", err)
	case !hubName.MatchString(filepath.ToSlash(dir)):
		return fmt.Errorf("there is no model folder %s; nothing is downloaded: give the path of a folder that holds %s and safetensors weights", dir, configFile)
	}
	if snapshot := cachedSnapshot(dir); snapshot != "" {
		return fmt.Errorf("there is no folder %s; nothing is downloaded, but the Hugging Face cache has this model: use the path %s", dir, snapshot)
	}
	_, name, _ := strings.Cut(filepath.ToSlash(dir), "/")
	return fmt.Errorf("there is no folder %s; if this is a model of the Hugging Face hub: nothing is downloaded by loraedge, "+
		"so get it first with `hf download %s --local-dir %s` and give that folder", dir, dir, name)
}

// cachedSnapshot looks for a complete copy of a hub model in the Hugging Face
// cache and returns its folder, or "".
func cachedSnapshot(name string) string {
	hub := os.Getenv("HF_HUB_CACHE")
	if hub == "" {
		home := os.Getenv("HF_HOME")
		if home == "" {
			user, err := os.UserHomeDir()
			if err != nil {
				return ""
			}
			home = filepath.Join(user, ".cache", "huggingface")
		}
		hub = filepath.Join(home, "hub")
	}
	repository := "models--" + strings.ReplaceAll(filepath.ToSlash(name), "/", "--")
	return firstWithConfig(filepath.Join(hub, repository, "snapshots"))
}

// firstWithConfig is the first folder inside snapshots that has a config.json.
func firstWithConfig(snapshots string) string {
	entries, _ := os.ReadDir(snapshots)
	for _, e := range entries {
		if dir := filepath.Join(snapshots, e.Name()); exists(filepath.Join(dir, configFile)) {
			return dir
		}
	}
	return ""
}

// explainNoConfig says what a folder without config.json is instead.
func explainNoConfig(dir string) error {
	if snapshot := firstWithConfig(filepath.Join(dir, "snapshots")); snapshot != "" {
		return fmt.Errorf("%s is an entry of the Hugging Face cache; the model lies deeper: use the path %s", dir, snapshot)
	}
	for _, other := range []struct{ pattern, what string }{
		{"adapter_config.json", "it is a PEFT adapter; give the base model that the adapter was made for"},
		{"*.gguf", "it holds GGUF files, which are not read yet; give a folder in Hugging Face format, with safetensors weights"},
		{"params.json", "it holds weights in the original format of their makers; use the model's folder in Hugging Face format"},
		{"model_index.json", "it is a diffusers pipeline, not a language model"},
	} {
		if found := matching(dir, other.pattern); len(found) > 0 {
			return fmt.Errorf("%s has no %s: %s", dir, configFile, other.what)
		}
	}
	return fmt.Errorf("%s has no %s, so it is not a model folder in Hugging Face format", dir, configFile)
}

// explainNoWeights says what a folder without safetensors weights has instead.
func explainNoWeights(dir string) error {
	if shards := matching(dir, "model-*-of-*.safetensors"); len(shards) > 0 {
		return fmt.Errorf("%s has %d weight shards but no %s, which says what is in them; copy or download it too", dir, len(shards), indexFile)
	}
	for _, other := range []struct{ pattern, what string }{
		{"pytorch_model*.bin", "PyTorch's pickle format, which can run code when it is read"},
		{"tf_model*.h5", "TensorFlow's format"},
		{"flax_model*.msgpack", "Flax's format"},
		{"*.pth", "PyTorch's pickle format, which can run code when it is read"},
		{"*.gguf", "GGUF, which is not read yet; give a folder with safetensors weights"},
	} {
		if found := matching(dir, other.pattern); len(found) > 0 {
			advice := ""
			if other.pattern != "*.gguf" {
				advice = fmt.Sprintf("; convert them with Transformers: AutoModelForCausalLM.from_pretrained(%q, dtype=\"auto\").save_pretrained(%q)", dir, dir+"-safetensors")
			}
			return fmt.Errorf("%s has no safetensors weights, only %s, which is in %s%s", dir, filepath.Base(found[0]), other.what, advice)
		}
	}
	if found := matching(dir, "*.safetensors"); len(found) > 0 {
		return fmt.Errorf("%s has neither %s nor %s; if %s holds the whole model, rename it to %s",
			dir, weightsFile, indexFile, filepath.Base(found[0]), weightsFile)
	}
	return fmt.Errorf("%s has no weights: neither %s nor %s", dir, weightsFile, indexFile)
}

// quantizations names the methods of quantization_config as people know them.
var quantizations = map[string]string{
	"gptq": "GPTQ", "awq": "AWQ", "fp8": "FP8", "fbgemm_fp8": "FP8 (FBGEMM)", "mxfp4": "MXFP4", "bitsandbytes": "bitsandbytes",
	"compressed-tensors": "compressed-tensors", "aqlm": "AQLM", "hqq": "HQQ", "eetq": "EETQ", "quanto": "Quanto", "torchao": "torchao",
}

// readable is the one quantised format that is read: bitsandbytes.go.
const readable = "bitsandbytes 4-bit"

// checkQuantization is an error where config.json, its text_config, or a file
// beside it announces weights that were quantised before training.
func checkQuantization(dir string, config Object) error {
	inner, err := textConfig(config)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	for _, c := range []Object{config, inner} {
		for _, key := range []string{"quantization_config", "compression_config", "quantization"} {
			if name := quantizationName(c, key); c.Has(key) && name != readable {
				return quantized(dir, key, name)
			}
		}
	}
	if exists(filepath.Join(dir, "quantize_config.json")) {
		return quantized(dir, "quantize_config.json", "GPTQ")
	}
	return nil
}

// textConfig is the language model's part of a config with several parts.
func textConfig(config Object) (Object, error) {
	if raw := config.Raw("text_config"); len(raw) == 0 || raw[0] != '{' {
		return Object{}, nil
	}
	return config.Object("text_config")
}

func quantizationName(c Object, key string) string {
	if key == "quantization" {
		return "MLX's quantised format"
	}
	var q struct {
		Method string `json:"quant_method"`
		Load4  bool   `json:"load_in_4bit"`
		Load8  bool   `json:"load_in_8bit"`
	}
	// A quantization_config of unexpected form is still one: the name is all that is lost.
	_, _ = c.Decode(key, &q)
	method := strings.ToLower(q.Method)
	if method == "" && (q.Load4 || q.Load8) {
		method = "bitsandbytes"
	}
	name, known := quantizations[method]
	switch {
	case method == "" && key == "compression_config":
		return "compressed-tensors"
	case method == "":
		return "an unnamed format"
	case !known:
		return fmt.Sprintf("%q", q.Method)
	case method == "bitsandbytes" && q.Load4:
		return name + " 4-bit"
	case method == "bitsandbytes" && q.Load8:
		return name + " 8-bit"
	}
	return name
}

func quantized(dir, key, name string) error {
	return fmt.Errorf("%s: the weights are already quantised, in %s (%s); use the model that they were made from, in F32, F16 or BF16: "+
		"loraedge quantises it itself with load_in_4bit = true under [quantization]", dir, name, key)
}
