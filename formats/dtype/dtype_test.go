package dtype

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

func TestNames(t *testing.T) {
	for _, d := range All() {
		back, err := Parse(d.String())
		if err != nil || back != d {
			t.Errorf("Parse(%q) = %v, %v", d.String(), back, err)
		}
		if d.Size() == 0 {
			t.Errorf("%v has no size", d)
		}
	}
	for _, name := range []string{"", "INVALID", "f32", "F4"} {
		if d, err := Parse(name); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", name, d)
		}
	}
	if s := DType(200).String(); s != "DType(200)" || DType(200).Size() != 0 || DType(200).Valid() {
		t.Errorf("a type outside the list: %q, size %d", s, DType(200).Size())
	}
}

func TestFloat32ToBF16(t *testing.T) {
	bits := math.Float32frombits
	for _, c := range []struct {
		name string
		in   float32
		want uint16
	}{
		{"one", 1, 0x3f80},
		{"minus zero", float32(math.Copysign(0, -1)), 0x8000},
		{"below the tie rounds down", bits(0x3f807fff), 0x3f80},
		{"a tie goes to even, down", bits(0x3f808000), 0x3f80},
		{"a tie goes to even, up", bits(0x3f818000), 0x3f82},
		{"above the tie rounds up", bits(0x3f808001), 0x3f81},
		{"mantissa overflow carries into the exponent", bits(0x3fffffff), 0x4000},
		{"the largest float32 becomes infinity", math.MaxFloat32, 0x7f80},
		{"infinity", float32(math.Inf(-1)), 0xff80},
		{"the smallest subnormal", bits(1), 0},
		{"a NaN whose payload is all in the lost half stays NaN", bits(0x7f800001), 0x7fc0},
		{"a negative NaN keeps its sign", bits(0xffc00000), 0xffc0},
	} {
		if got := Float32ToBF16(c.in); got != c.want {
			t.Errorf("%s: Float32ToBF16(%x) = %04x, want %04x", c.name, math.Float32bits(c.in), got, c.want)
		}
	}
}

func TestFloat32ToF16(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want uint16
	}{
		{1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00},
		{0x1p-24, 1}, {0x1p-25, 0}, {0x1.000002p-25, 1}, {1 + 0x1p-11, 0x3c00}, {1 + 0x3p-11, 0x3c02},
	} {
		if got := Float32ToF16(c.in); got != c.want {
			t.Errorf("Float32ToF16(%g) = %04x, want %04x", c.in, got, c.want)
		}
	}
}

// Every 16-bit pattern survives the way to float32 and back.
func TestSixteenBitRoundTrip(t *testing.T) {
	for _, d := range []DType{F16, BF16} {
		src := make([]byte, 2<<16)
		for i := range 1 << 16 {
			binary.LittleEndian.PutUint16(src[2*i:], uint16(i))
		}
		values := make([]float32, 1<<16)
		if err := ToFloat32(values, src, d); err != nil {
			t.Fatal(err)
		}
		back := make([]byte, len(src))
		if err := FromFloat32(back, values, d); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			got := binary.LittleEndian.Uint16(back[2*i:])
			if v != v {
				if bad, _ := FirstNonFinite(back[2*i:2*i+2], d); bad != 0 {
					t.Errorf("%v %04x: NaN became %04x", d, i, got)
				}
			} else if got != uint16(i) {
				t.Errorf("%v %04x became %g and then %04x", d, i, v, got)
			}
		}
	}
}

// Lengths that are not a multiple of the unrolled loops.
func TestConvertOddLengths(t *testing.T) {
	for _, d := range []DType{F32, F16, BF16} {
		for n := range 19 {
			want := make([]float32, n)
			for i := range want {
				want[i] = float32(i) - 7.5
			}
			raw := make([]byte, n*d.Size())
			if err := FromFloat32(raw, want, d); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, n)
			if err := ToFloat32(got, raw, d); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%v, %d elements: element %d is %g, want %g", d, n, i, got[i], want[i])
				}
			}
		}
	}
}

func TestConvertErrors(t *testing.T) {
	if err := ToFloat32(make([]float32, 2), make([]byte, 3), BF16); err == nil {
		t.Error("3 bytes are not 2 elements of BF16")
	}
	if err := FromFloat32(make([]byte, 9), make([]float32, 2), F32); err == nil {
		t.Error("9 bytes are not 2 elements of F32")
	}
	if err := ToFloat32(make([]float32, 2), make([]byte, 2), F8_E4M3); err == nil {
		t.Error("F8 has no conversion")
	}
}

func TestFirstNonFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		d   DType
		bad []uint64
		max uint64 // the largest finite positive value
	}{
		{F16, []uint64{0x7c00, 0xfc00, 0x7c01, 0xffff}, 0x7bff},
		{BF16, []uint64{0x7f80, 0xff80, 0x7f81, 0xffff}, 0x7f7f},
		{F32, []uint64{0x7f800000, 0xff800000, 0x7f800001, 0xffffffff}, 0x7f7fffff},
		{F64, []uint64{0x7ff << 52, 0xfff << 52, 0x7ff<<52 | 1}, 0x7ff<<52 - 1},
	} {
		size := c.d.Size()
		put := func(b []byte, i int, v uint64) {
			for k := range size {
				b[i*size+k] = byte(v >> (8 * k))
			}
		}
		for n := range 21 {
			src := make([]byte, n*size)
			for i := range n {
				sign := rng.Uint64N(2) << (8*size - 1)
				put(src, i, rng.Uint64N(c.max+1)|sign)
				if i%3 == 0 {
					put(src, i, c.max|sign)
				}
			}
			if at, err := FirstNonFinite(src, c.d); at != -1 || err != nil {
				t.Fatalf("%v: %d finite elements: %d, %v", c.d, n, at, err)
			}
			for i := range n {
				for _, bad := range c.bad {
					broken := append([]byte(nil), src...)
					put(broken, i, bad)
					if at, _ := FirstNonFinite(broken, c.d); at != i {
						t.Fatalf("%v: %x at %d of %d found at %d", c.d, bad, i, n, at)
					}
				}
			}
		}
	}
	if at, err := FirstNonFinite([]byte{255, 255}, I8); at != -1 || err != nil {
		t.Errorf("integers are finite: %d, %v", at, err)
	}
	if _, err := FirstNonFinite([]byte{255}, F8_E5M2); err == nil {
		t.Error("F8 has no search")
	}
}

func BenchmarkToFloat32(b *testing.B) {
	for _, d := range []DType{F32, F16, BF16} {
		b.Run(d.String(), func(b *testing.B) {
			src, dst := randomBytes(d, 1<<20), make([]float32, 1<<20)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if err := ToFloat32(dst, src, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFromFloat32(b *testing.B) {
	for _, d := range []DType{F32, F16, BF16} {
		b.Run(d.String(), func(b *testing.B) {
			dst, src := make([]byte, d.Size()<<20), make([]float32, 1<<20)
			for i := range src {
				src[i] = float32(i%4096)*0.0125 - 20
			}
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				if err := FromFloat32(dst, src, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFirstNonFinite(b *testing.B) {
	for _, d := range []DType{F32, BF16} {
		b.Run(d.String(), func(b *testing.B) {
			src := make([]byte, d.Size()<<20)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if at, err := FirstNonFinite(src, d); at != -1 || err != nil {
					b.Fatal(at, err)
				}
			}
		})
	}
}

// randomBytes are n elements of values like a model's weights: normal, small.
func randomBytes(d DType, n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64() * 0.02)
	}
	raw := make([]byte, n*d.Size())
	if err := FromFloat32(raw, values, d); err != nil {
		panic(err)
	}
	return raw
}
