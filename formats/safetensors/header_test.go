package safetensors

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	upstream "github.com/nlpodyssey/safetensors"
)

// fileBytes is a file with a header as given and dataSize bytes of data.
func fileBytes(header string, dataSize int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, dataSize)...)
}

// Headers that lie. want is what the error says beside the file's path.
var lies = []struct {
	name string
	file []byte
	want []string
}{
	{"empty", nil, []string{"empty"}},
	{"three bytes", []byte("abc"), []string{"3 bytes are too few"}},
	{"LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), []string{"Git LFS", "git lfs pull"}},
	{"not safetensors", []byte("PK\x03\x04 and so on, a zip file of PyTorch"), []string{"not a safetensors file"}},
	{"header longer than the file", fileBytes(`{}`, 0)[:9], []string{"2 bytes", "only 1 follow", "truncated"}},
	{"huge header", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), []string{"18446744073709551615"}},
	{"header of 100 MB in a small file", []byte("\x00\xe1\xf5\x05\x00\x00\x00\x00{}"), []string{"100000000", "only 2 follow"}},
	{"no JSON", fileBytes(`hello`, 0), []string{"not valid JSON"}},
	{"JSON that ends early", fileBytes(`{"a":{"dtype":"F32"`, 0), []string{"JSON"}},
	{"a list", fileBytes(`[]`, 0), []string{"want '{'"}},
	{"text after the header", fileBytes(`{} {}`, 0), []string{"not valid JSON at byte 4"}},
	{"not UTF-8", fileBytes("{\"\xff\":1}", 0), []string{"UTF-8"}},
	{"metadata that is no string", fileBytes(`{"__metadata__":{"n":1}}`, 0), []string{"__metadata__", "strings"}},
	{"tensor twice", fileBytes(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), []string{`"a" appears twice`}},
	{"tensor that is a number", fileBytes(`{"a":1}`, 0), []string{`tensor "a"`, "want '{'"}},
	{"no dtype", fileBytes(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "dtype is missing"}},
	{"no shape", fileBytes(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "shape is missing"}},
	{"no offsets", fileBytes(`{"a":{"dtype":"U8","shape":[1]}}`, 1), []string{`tensor "a"`, "data_offsets is missing"}},
	{"one offset", fileBytes(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), []string{`tensor "a"`, "found 1 numbers"}},
	{"unknown key", fileBytes(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), []string{`tensor "a"`, `unknown key "x"`}},
	{"dtype twice", fileBytes(`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, `"dtype" appears twice`}},
	{"dtype that is a number", fileBytes(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "dtype"}},
	{"negative dimension", fileBytes(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "shape", "found -1"}},
	{"fractional dimension", fileBytes(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "found 1.5"}},
	{"overflowing shape", fileBytes(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), []string{`tensor "a"`, "[4294967296 4294967296]", "more than any file"}},
	{"overflow to the right number", fileBytes(`{"a":{"dtype":"U8","shape":[9223372036854775807,2,3],"data_offsets":[0,10]}}`, 10), []string{`tensor "a"`, "more than any file"}},
	{"wrong byte count", fileBytes(`{"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,4]}}`, 4), []string{`tensor "a"`, "[2 2] of BF16 takes 8 bytes", "hold 4"}},
	{"backwards", fileBytes(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), []string{`tensor "a"`, "backwards"}},
	{"past the end", fileBytes(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 8), []string{`tensor "a"`, "end at byte 9", "only 8", "truncated"}},
	{"overlap", fileBytes(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}`, 7), []string{`"a" and "b" overlap`}},
	{"hole", fileBytes(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), []string{`tensor "b"`, "belong to no tensor"}},
	{"bytes after the last tensor", fileBytes(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3), []string{"end at byte 1", "goes on to 3"}},
	{"a description without end", fileBytes(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 5000)+`1],"data_offsets":[0,1]}}`, 1), []string{`tensor "a"`, "at most 4096"}},
}

func TestHeadersThatLie(t *testing.T) {
	for _, c := range lies {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.safetensors")
			if err := os.WriteFile(path, c.file, 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err == nil {
				f.Close()
				t.Fatal("no error")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// A type without a name here is listed, and an error only when it is used.
func TestUnknownTypeIsListed(t *testing.T) {
	file := fileBytes(`{"a":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}`, 4)
	f, err := fromMapping("x", file)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := f.Tensor("a")
	if !ok || a.TypeName != "F4" || len(a.Data) != 3 || a.DType.Valid() {
		t.Errorf("tensor %+v", a)
	}
	if _, err := Float32s(a); err == nil || !strings.Contains(err.Error(), "F4") {
		t.Errorf("Float32s: %v", err)
	}
	if err := CheckFinite(a); err == nil || !strings.Contains(err.Error(), "F4") {
		t.Errorf("CheckFinite: %v", err)
	}
}

// FuzzOpen looks for panics, for tensors outside the file, and for
// disagreement with the upstream library: what is accepted here and has only
// types known there is accepted there, with the same bytes.
func FuzzOpen(f *testing.F) {
	for _, c := range lies {
		f.Add(c.file)
	}
	for _, name := range []string{"mixed", "plain_bf16"} {
		b, err := os.ReadFile("testdata/" + name + ".safetensors")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := fromMapping("fuzz", b)
		if err != nil {
			return
		}
		foreign := false
		for _, name := range file.Names() {
			tensor, _ := file.Tensor(name)
			_, err := upstream.ParseDType(tensor.TypeName)
			foreign = foreign || err != nil
			if at := tensor.Offset; string(b[at:at+int64(len(tensor.Data))]) != string(tensor.Data) {
				t.Fatalf("%q: Offset %d is not where Data is", name, at)
			}
			if tensor.DType.Convertible() {
				values, err := Float32s(tensor)
				if err != nil || len(values) != tensor.Elements() {
					t.Fatalf("%q: %d values, %v", name, len(values), err)
				}
			}
		}
		if foreign {
			return
		}
		theirs, err := upstream.Deserialize(b)
		if err != nil {
			t.Fatalf("accepted here, but upstream says: %v", err)
		}
		for _, name := range file.Names() {
			ours, _ := file.Tensor(name)
			view, ok := theirs.Tensor(name)
			if !ok || string(view.Data()) != string(ours.Data) {
				t.Fatalf("%q differs from upstream", name)
			}
		}
	})
}
