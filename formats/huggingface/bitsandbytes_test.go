package huggingface

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

const bnbGolden = "../../testdata/goldens/qlora/bnb"

const aWeight = "model.layers.0.self_attn.k_proj.weight"

// changedBnB writes the golden folder with one tensor changed.
func changedBnB(t *testing.T, name string, change func(*safetensors.Source)) string {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile(filepath.Join(bnbGolden, configFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), config, 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(filepath.Join(bnbGolden, weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var sources []safetensors.Source
	for _, n := range file.Names() {
		tensor, _ := file.Tensor(n)
		s := safetensors.FromTensor(tensor)
		if n == name {
			s.Data = bytes.Clone(s.Data)
			change(&s)
		}
		sources = append(sources, s)
	}
	if err := safetensors.Write(filepath.Join(dir, weightsFile), sources, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBitsAndBytesFolder(t *testing.T) {
	f, err := Open(bnbGolden)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, ok := f.Tensor(aWeight)
	if !ok || w.DType != dtype.NF4Double || len(w.Shape) != 2 || w.Shape[0] != 32 || w.Shape[1] != 64 {
		t.Errorf("%s is %v %v, want NF4_DOUBLE [32 64]", aWeight, w.DType, w.Shape)
	}
	for _, tensor := range f.Tensors() {
		if strings.Contains(tensor.Name, "absmax") || strings.Contains(tensor.Name, "quant_") {
			t.Errorf("%s is a part and is listed as a tensor", tensor.Name)
		}
	}
	if _, err := f.Blocks("model.norm.weight"); err == nil {
		t.Error("blocks of a tensor that has none: no error")
	}
}

// A quantised tensor that lies is an error that names it, never a panic.
func TestBitsAndBytesLies(t *testing.T) {
	setState := func(from, to string) func(*safetensors.Source) {
		return func(s *safetensors.Source) {
			s.Data = bytes.Replace(s.Data, []byte(from), []byte(to), 1)
			s.Shape = []int{len(s.Data)}
		}
	}
	const state = aWeight + quantState + "nf4"
	for _, c := range []struct {
		name, tensor string
		change       func(*safetensors.Source)
		want         string
	}{
		{"another format", state, setState(`"quant_type": "nf4"`, `"quant_type": "fp4"`), "fp4"},
		{"another block", state, setState(`"blocksize": 64`, `"blocksize": 128`), "128"},
		{"a larger shape", state, setState(`[32, 64]`, `[64, 64]`), "codes has 1024 bytes"},
		{"odd columns", state, setState(`[32, 64]`, `[64, 32]`), "multiple of 64"},
		{"a negative shape", state, setState(`[32, 64]`, `[-32, -64]`), "shape [-32 -64]"},
		{"an enormous shape", state, setState(`[32, 64]`, `[9223372036854775807, 64]`), "shape"},
		{"no JSON", state, setState(`{`, `(`), "not JSON"},
		{"another table", aWeight + ".quant_map", func(s *safetensors.Source) { s.Data[3] ^= 1 }, "quant_map differs"},
		{"another nested table", aWeight + ".nested_quant_map", func(s *safetensors.Source) { s.Data[2] ^= 64 }, "nested_quant_map differs"},
		{"too few scales", aWeight + ".absmax", func(s *safetensors.Source) { s.Data, s.Shape = s.Data[:31], []int{31} }, "absmax has 31 bytes"},
		{"a renamed part", aWeight + ".nested_absmax", func(s *safetensors.Source) { s.Name += "2" }, "nested_absmax has 0 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Open(changedBnB(t, c.tensor, c.change))
			if err == nil {
				f.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), aWeight) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not name the tensor and say %q", err, c.want)
			}
		})
	}
	t.Run("a scale that is no number", func(t *testing.T) {
		f, err := Open(changedBnB(t, aWeight+".nested_absmax", func(s *safetensors.Source) { copy(s.Data, []byte{0, 0, 0xc0, 0x7f}) }))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Blocks(aWeight); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("got %v", err)
		}
	})
}
