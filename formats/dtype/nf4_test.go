package dtype_test

import (
	"bytes"
	"math"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// nf4Golden is what bitsandbytes made of a matrix; testdata/make_nf4.py says how.
type nf4Golden struct {
	t    *testing.T
	file *safetensors.File
}

func openNF4(t *testing.T) nf4Golden {
	t.Helper()
	f, err := safetensors.Open(filepath.Join("testdata", "nf4.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return nf4Golden{t, f}
}

func (g nf4Golden) bytes(name string) []byte {
	g.t.Helper()
	tensor, ok := g.file.Tensor(name)
	if !ok {
		g.t.Fatalf("no golden %s", name)
	}
	return tensor.Data
}

func (g nf4Golden) floats(name string) []float32 {
	g.t.Helper()
	data := g.bytes(name)
	values := make([]float32, len(data)/4)
	if err := dtype.ToFloat32(values, data, dtype.F32); err != nil {
		g.t.Fatal(err)
	}
	return values
}

func quantize(t *testing.T, x []float32, d dtype.DType) ([]byte, dtype.Parts) {
	t.Helper()
	out := make([]byte, d.Bytes(1, len(x)))
	if err := dtype.FromFloat32(out, x, d); err != nil {
		t.Fatal(err)
	}
	return out, dtype.PartsOf(d, int64(len(x)))
}

// Codes and scales are bitsandbytes' bit for bit.
func TestNF4(t *testing.T) {
	g := openNF4(t)
	x := g.floats("x")
	got, p := quantize(t, x, dtype.NF4)
	if !bytes.Equal(got[:p.Scales], g.bytes("codes")) {
		t.Error("codes differ from bitsandbytes'")
	}
	if !bytes.Equal(got[p.Scales:], g.bytes("absmax")) {
		t.Error("scales differ from bitsandbytes'")
	}
	back := make([]float32, len(x))
	if err := dtype.ToFloat32(back, got, dtype.NF4); err != nil {
		t.Fatal(err)
	}
	for i, want := range g.floats("dequantized") {
		if back[i] != want {
			t.Fatalf("element %d is %g, bitsandbytes has %g", i, back[i], want)
		}
	}
}

// bitsandbytes finds nested codes in a rough table and sums the offset in
// another order: a few codes are its neighbours, the offset is 2 ulp away at most.
func TestNF4Double(t *testing.T) {
	g := openNF4(t)
	x := g.floats("x")
	got, p := quantize(t, x, dtype.NF4Double)
	if !bytes.Equal(got[:p.Scales], g.bytes("codes")) {
		t.Error("codes differ from bitsandbytes'")
	}
	offset, want := make([]float32, 1), g.floats("offset")[0]
	if err := dtype.ToFloat32(offset, got[p.Offset:], dtype.F32); err != nil {
		t.Fatal(err)
	}
	if ulp := math.Abs(float64(int64(math.Float32bits(offset[0])) - int64(math.Float32bits(want)))); ulp > 2 {
		t.Errorf("offset %g is %g ulp from bitsandbytes' %g", offset[0], ulp, want)
	}
	codes, different := g.bytes("nested_codes"), 0
	for i, code := range codes {
		if mine := got[p.Scales+int64(i)]; mine != code {
			different++
			if mine != code+1 && mine != code-1 {
				t.Errorf("nested code %d is %d, bitsandbytes has %d", i, mine, code)
			}
		}
	}
	if different > max(1, len(codes)/100) {
		t.Errorf("%d of %d nested codes differ from bitsandbytes'", different, len(codes))
	}
}

// What bitsandbytes quantised is read as bitsandbytes reads it, bit for bit.
func TestNF4DoubleDequantizes(t *testing.T) {
	g := openNF4(t)
	n := 2 * len(g.bytes("codes"))
	buf := make([]byte, dtype.NF4Double.Bytes(1, n))
	p := dtype.PartsOf(dtype.NF4Double, int64(n))
	copy(buf, g.bytes("codes"))
	copy(buf[p.Scales:], g.bytes("nested_codes"))
	copy(buf[p.Nested:], g.bytes("nested_absmax"))
	copy(buf[p.Offset:], g.bytes("offset"))
	back := make([]float32, n)
	if err := dtype.ToFloat32(back, buf, dtype.NF4Double); err != nil {
		t.Fatal(err)
	}
	for i, want := range g.floats("double_dequantized") {
		if back[i] != want {
			t.Fatalf("element %d is %g, bitsandbytes has %g", i, back[i], want)
		}
	}
}

func TestNF4WrongSizes(t *testing.T) {
	for _, c := range []struct{ elements, bytes int }{{63, 40}, {64, 35}, {0, 1}} {
		if err := dtype.ToFloat32(make([]float32, c.elements), make([]byte, c.bytes), dtype.NF4); err == nil {
			t.Errorf("%d elements from %d bytes: no error", c.elements, c.bytes)
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	x := make([]float32, 1<<16)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	out := make([]byte, dtype.NF4Double.Bytes(1, len(x)))
	b.SetBytes(int64(len(x)))
	for b.Loop() {
		if err := dtype.FromFloat32(out, x, dtype.NF4Double); err != nil {
			b.Fatal(err)
		}
	}
}
