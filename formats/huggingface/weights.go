package huggingface

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/safetensors"
)

// openWeights maps model.safetensors or, as Transformers does, where there is
// none, the shards that the index names.
func (f *Folder) openWeights() error {
	f.tensors = make(map[string]safetensors.Tensor)
	single, index := filepath.Join(f.Dir, weightsFile), filepath.Join(f.Dir, indexFile)
	switch {
	case exists(single):
		file, err := f.openFile(single)
		if err != nil {
			return err
		}
		for _, name := range file.Names() {
			f.tensors[name], _ = file.Tensor(name)
		}
	case exists(index):
		if err := f.openShards(index); err != nil {
			return err
		}
	default:
		return explainNoWeights(f.Dir)
	}
	if len(f.tensors) == 0 {
		return fmt.Errorf("%s: the weight files hold no tensors", f.Dir)
	}
	f.names = slices.Sorted(maps.Keys(f.tensors))
	f.stored = f.Tensors()
	f.quantized = make(map[string]quantized4)
	return f.foldQuantized()
}

func (f *Folder) openFile(path string) (*safetensors.File, error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	f.files = append(f.files, file)
	return file, nil
}

// openShards opens the shards of an index and gives each tensor the shard that
// the index says. A tensor that a shard has beyond the index counts too, as in
// Transformers, unless two shards have it.
func (f *Folder) openShards(index string) error {
	weightMap, err := readIndex(index)
	if err != nil {
		return err
	}
	shards := slices.Sorted(maps.Values(weightMap))
	shards = slices.Compact(shards)
	if err := f.checkShardsExist(index, shards); err != nil {
		return err
	}
	extra := make(map[string]string)
	for _, shard := range shards {
		file, err := f.openFile(filepath.Join(f.Dir, shard))
		if err != nil {
			return fmt.Errorf("shard of %s: %w", index, err)
		}
		for _, name := range file.Names() {
			in, indexed := weightMap[name]
			switch {
			case indexed && in != shard:
				continue
			case !indexed && extra[name] != "":
				return fmt.Errorf("%s does not mention tensor %q, which both %s and %s hold: it is not known which to take", index, name, extra[name], shard)
			case !indexed:
				extra[name] = shard
			}
			f.tensors[name], _ = file.Tensor(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		if _, ok := f.tensors[name]; !ok {
			return fmt.Errorf("%s says that tensor %q is in %s, but it is not: index and shards do not belong together", index, name, weightMap[name])
		}
	}
	return nil
}

// readIndex reads which shard holds which tensor. Shards are plain names of
// safetensors files, so that an index cannot lead out of the folder.
func readIndex(path string) (map[string]string, error) {
	index, err := ReadObject(path)
	if err != nil {
		return nil, err
	}
	entries, err := index.Object("weight_map")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	weightMap := make(map[string]string)
	for _, name := range entries.Keys() {
		var shard string
		if ok, err := entries.Decode(name, &shard); err != nil || !ok {
			return nil, errors.Join(fmt.Errorf("%s: weight_map: tensor %q has no shard", path, name), err)
		}
		if !plainName(shard) {
			return nil, fmt.Errorf("%s: weight_map: tensor %q: %q is not the name of a safetensors file beside the index", path, name, shard)
		}
		weightMap[name] = shard
	}
	if len(weightMap) == 0 {
		return nil, fmt.Errorf("%s: weight_map is missing or empty", path)
	}
	return weightMap, nil
}

func plainName(shard string) bool {
	return strings.HasSuffix(shard, ".safetensors") && !strings.ContainsAny(shard, `/\:`) && filepath.IsLocal(shard)
}

// checkShardsExist names every missing shard at once.
func (f *Folder) checkShardsExist(index string, shards []string) error {
	var missing []string
	for _, shard := range shards {
		_, err := os.Stat(filepath.Join(f.Dir, shard))
		if errors.Is(err, os.ErrNotExist) {
			missing = append(missing, shard)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s names %d shards, and of these %d are missing: %s; copy or download them too",
		index, len(shards), len(missing), strings.Join(missing, ", "))
}
