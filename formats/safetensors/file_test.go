package safetensors

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
)

func mustOpen(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestOpenMissingFile(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "no.safetensors")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: error %v", err)
	}
}

func TestReadInto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	values := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	err := Write(path, []Source{
		FromFloat32s("matrix", []int{3, 2, 2}, values, dtype.BF16),
		FromFloat32s("scalar", nil, []float32{-3}, dtype.F32),
		FromFloat32s("vector", []int{4}, values[:4], dtype.F16),
		FromFloat32s("none", []int{0, 4}, nil, dtype.F16),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, path)
	for _, c := range []struct {
		name     string
		from, to int
		want     []float32
		wantErr  string
	}{
		{"matrix", 0, 3, values, ""},
		{"matrix", 1, 2, []float32{4, 5, 6, 7}, ""},
		{"matrix", 3, 3, []float32{}, ""},
		{"scalar", 0, 1, []float32{-3}, ""},
		{"vector", 1, 3, []float32{1, 2}, ""},
		{"none", 0, 0, []float32{}, ""},
		{"matrix", 2, 4, nil, "rows 0 to 3, asked for 2 to 4"},
		{"matrix", -1, 1, nil, "asked for -1"},
		{"matrix", 2, 1, nil, "asked for 2 to 1"},
		{"matrix", 0, 1, make([]float32, 3), "3 elements of BF16"},
	} {
		tensor, ok := f.Tensor(c.name)
		if !ok {
			t.Fatal(c.name)
		}
		dst := make([]float32, len(c.want))
		err := ReadInto(dst, tensor, c.from, c.to)
		switch {
		case c.wantErr == "" && err != nil:
			t.Error(err)
		case c.wantErr == "" && !cmp.Equal(dst, c.want):
			t.Errorf("%s[%d:%d] = %v, want %v", c.name, c.from, c.to, dst, c.want)
		case c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)):
			t.Errorf("%s[%d:%d]: error %v, want %q", c.name, c.from, c.to, err, c.wantErr)
		}
	}
}

func TestCheckFinite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	broken := make([]float32, 24)
	broken[17] = float32(math.NaN())
	err := Write(path, []Source{
		FromFloat32s("good", []int{4}, []float32{1, 2, -3e38, 0}, dtype.F32),
		FromFloat32s("broken", []int{2, 3, 4}, broken, dtype.BF16),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, path)
	good, _ := f.Tensor("good")
	if err := CheckFinite(good); err != nil {
		t.Error(err)
	}
	bad, _ := f.Tensor("broken")
	if err := CheckFinite(bad); err == nil || !strings.Contains(err.Error(), "element [1 1 1] is NaN") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names file and element [1 1 1]", err)
	}
}

// The order in which tensors are given does not show, and what is written is
// read back.
func TestWriteIsDeterministic(t *testing.T) {
	a := Source{Name: "a<b>&c", DType: dtype.U8, Shape: []int{3}, Data: []byte{1, 2, 3}}
	b := FromFloat32s("b", []int{1, 2}, []float32{1, 2}, dtype.F32)
	c := Source{Name: "é", DType: dtype.I64, Shape: []int{}, Data: []byte("12345678")}
	dir := t.TempDir()
	var files [][]byte
	for i, sources := range [][]Source{{a, b, c}, {c, b, a}} {
		path := filepath.Join(dir, string(rune('0'+i)))
		if err := Write(path, sources, map[string]string{"x": "y", "format": "np"}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, text)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the bytes depend on the order")
	}
	f := mustOpen(t, filepath.Join(dir, "0"))
	for _, s := range []Source{a, c} {
		got, ok := f.Tensor(s.Name)
		if !ok || !bytes.Equal(got.Data, s.Data) || !cmp.Equal(got.Shape, s.Shape) || got.DType != s.DType {
			t.Errorf("%q read back as %+v", s.Name, got)
		}
	}
	if diff := cmp.Diff(map[string]string{"x": "y", "format": "np"}, f.Metadata()); diff != "" {
		t.Error(diff)
	}
	if first, _ := f.Tensor("é"); first.Offset%8 != 0 {
		t.Errorf("the data begins at byte %d, want a multiple of 8", first.Offset)
	}
}

type stream string

func (s stream) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(s))
	return int64(n), err
}

func TestWriteErrors(t *testing.T) {
	u8 := func(name string, data ...byte) Source {
		return Source{Name: name, DType: dtype.U8, Shape: []int{2}, Data: data}
	}
	for _, c := range []struct {
		name    string
		sources []Source
		want    string
	}{
		{"too few bytes", []Source{u8("a", 1)}, `tensor "a": shape [2] of U8 takes 2 bytes, but there are 1`},
		{"a name twice", []Source{u8("a", 1, 2), u8("a", 1, 2)}, `"a" is to be written twice`},
		{"the metadata's name", []Source{u8("__metadata__", 1, 2)}, "cannot be named"},
		{"no name", []Source{u8("", 1, 2)}, "cannot be named"},
		{"not UTF-8", []Source{u8("\xff", 1, 2)}, "cannot be named"},
		{"no type", []Source{{Name: "a", Shape: []int{1}}}, `tensor "a"`},
		{"F8", []Source{{Name: "a", DType: dtype.F8_E4M3, Shape: []int{1}, Data: []byte{1}}}, "F8_E4M3 cannot be written"},
		{"negative shape", []Source{{Name: "a", DType: dtype.U8, Shape: []int{-1}}}, "[-1]"},
		{"overflowing shape", []Source{{Name: "a", DType: dtype.U8, Shape: []int{math.MaxInt, 4}}}, `tensor "a"`},
		{"a short stream", []Source{{Name: "a", DType: dtype.U8, Shape: []int{3}, Stream: stream("ab")}}, "wrote 2 bytes of 3"},
		{"a long stream", []Source{{Name: "a", DType: dtype.U8, Shape: []int{1}, Stream: stream("ab")}}, "more bytes"},
		{"values that do not fill the shape", []Source{FromFloat32s("a", []int{3}, []float32{1}, dtype.F32)}, "wrote 4 bytes of 12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			err := Write(path, c.sources, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %q and the path", err, c.want)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

func BenchmarkReadInto(b *testing.B) {
	const rows, width = 4096, 2048
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		b.Run(d.String(), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "f")
			source := Source{Name: "w", DType: d, Shape: []int{rows, width}, Data: make([]byte, rows*width*d.Size())}
			if err := Write(path, []Source{source}, nil); err != nil {
				b.Fatal(err)
			}
			f := mustOpen(b, path)
			w, _ := f.Tensor("w")
			dst := make([]float32, 64*width)
			b.SetBytes(int64(len(w.Data)))
			for b.Loop() {
				for row := 0; row < rows; row += 64 {
					if err := ReadInto(dst, w, row, row+64); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkOpenManyTensors(b *testing.B) {
	var sources []Source
	for i := range 1000 {
		name := "model.layers." + strings.Repeat("x", 30) + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
		sources = append(sources, Source{Name: name, DType: dtype.U8, Shape: []int{1, 1}, Data: []byte{0}})
	}
	path := filepath.Join(b.TempDir(), "f")
	if err := Write(path, sources, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
