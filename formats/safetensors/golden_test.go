package safetensors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
)

// A file that the reference implementation wrote is read with its types,
// shapes and values.
func TestReadReference(t *testing.T) {
	f, err := Open("testdata/mixed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want map[string]struct {
		DType  string
		Shape  []int
		Values []float32
	}
	text, err := os.ReadFile("testdata/mixed.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(f.Names()) != len(want) {
		t.Errorf("names %v, want %d", f.Names(), len(want))
	}
	torchNames := map[string]string{
		"F32": "torch.float32", "F16": "torch.float16", "BF16": "torch.bfloat16", "I64": "torch.int64", "I32": "torch.int32",
		"U8": "torch.uint8", "BOOL": "torch.bool", "F8_E4M3": "torch.float8_e4m3fn",
	}
	for name, w := range want {
		got, ok := f.Tensor(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if torchNames[got.TypeName] != w.DType || got.TypeName != got.DType.String() {
			t.Errorf("%s has type %s (%v), want %s", name, got.TypeName, got.DType, w.DType)
		}
		if diff := cmp.Diff(w.Shape, got.Shape); diff != "" {
			t.Errorf("%s: shape: %s", name, diff)
		}
		if !got.DType.Convertible() {
			if _, err := Float32s(got); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), got.TypeName) {
				t.Errorf("%s: using it gives %v, want an error that names tensor and type", name, err)
			}
			continue
		}
		values, err := Float32s(got)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(w.Values, values); diff != "" {
			t.Errorf("%s: values: %s", name, diff)
		}
	}
	if diff := cmp.Diff(map[string]string{"format": "pt", "note": "made by the reference"}, f.Metadata()); diff != "" {
		t.Error(diff)
	}
}

// The same tensors give the same bytes as the reference implementation's file.
func TestWriteEqualsReference(t *testing.T) {
	thirds := []float32{0, 1. / 3, 2. / 3, 1}
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		name := "plain_" + strings.ToLower(d.String()) + ".safetensors"
		path := filepath.Join(t.TempDir(), name)
		err := Write(path, []Source{
			FromFloat32s("model.c.bias", nil, []float32{-1}, d),
			FromFloat32s("model.b.weight", []int{2, 3}, []float32{0, 1, 2, 3, 4, 5}, d),
			FromFloat32s("model.a.weight", []int{4}, thirds, d),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
