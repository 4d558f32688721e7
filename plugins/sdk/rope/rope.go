// Package rope computes the frequencies of rotary positions from config.json
// as Transformers does, in float32 and in its order of operations: plain,
// linear, dynamic NTK, Llama 3, YaRN and LongRoPE.
//
// It knows no model. Begin reading at Read.
package rope

import (
	"math"

	"github.com/loraedge/loraedge/plugins/sdk"
)

// Frequencies of one model.
type Frequencies struct {
	// InvFreq has headDim/2 frequencies, in radians a position.
	InvFreq []float32
	// AttentionFactor multiplies rotated queries and keys.
	AttentionFactor float32
}

// scaling is what the kinds of scaling read.
type scaling struct {
	keys        *sdk.Config // rope_scaling or rope_parameters; nil for none
	dim         int
	theta       float64
	positions   int // max_position_embeddings
	original    int // original_max_position_embeddings, or positions
	sequenceLen int
}

var kinds = map[string]func(scaling) Frequencies{
	"default":  plain,
	"linear":   linear,
	"dynamic":  dynamic,
	"llama3":   llama3,
	"yarn":     yarn,
	"longrope": longrope,
}

// Read reads rope_theta with rope_scaling (as Transformers 4 writes it) or
// rope_parameters (Transformers 5). theta is the family's own rope_theta where
// there is none. sequenceLen is the longest document: dynamic and LongRoPE
// scaling depend on it. Errors are in c.Err.
func Read(c *sdk.Config, headDim int, theta float64, sequenceLen int) Frequencies {
	s := scaling{dim: headDim, theta: theta, sequenceLen: sequenceLen, positions: c.Int("max_position_embeddings")}
	if headDim < 2 || headDim%2 != 0 || headDim > maxHeadDim {
		c.Fail("head_dim", "is %d, want an even number from 2 to %d for rotary positions", headDim, maxHeadDim)
		return Frequencies{}
	}
	s.keys = c.Table("rope_scaling")
	if s.keys == nil {
		s.keys = c.Table("rope_parameters")
	}
	if c.Has("rope_theta") {
		s.theta = c.Positive("rope_theta")
	}
	partial := c.FloatOr("partial_rotary_factor", 1)
	kind := plain
	s.original = c.IntOr("original_max_position_embeddings", s.positions)
	if k := s.keys; k != nil {
		if k.Has("rope_theta") {
			s.theta = k.Positive("rope_theta")
		}
		partial = k.FloatOr("partial_rotary_factor", partial)
		if !c.Has("original_max_position_embeddings") {
			s.original = k.IntOr("original_max_position_embeddings", s.positions)
		}
		kind = kinds[kindName(k)]
	}
	if partial != 1 {
		c.Fail("partial_rotary_factor", "is %v, want 1: this family rotates whole heads", partial)
	}
	if kind == nil || c.Err() != nil {
		return Frequencies{}
	}
	f := kind(s)
	if c.Err() == nil && !f.finite() {
		c.Fail("rope_scaling", "and rope_theta give frequencies that are no numbers")
	}
	return f
}

// maxHeadDim is far above any model's.
const maxHeadDim = 1 << 16

func (f Frequencies) finite() bool {
	sum := float64(f.AttentionFactor)
	for _, x := range f.InvFreq {
		if x < 0 {
			return false
		}
		sum += float64(x)
	}
	return f.AttentionFactor > 0 && !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

func kindName(k *sdk.Config) string {
	key := "rope_type"
	if !k.Has(key) && k.Has("type") {
		key = "type" // before Transformers 4.45
	}
	names := map[string]string{}
	for name := range kinds {
		names[name] = name
	}
	return k.Choice(key, "default", names)
}

// powers is base^(2i/dim) in float32.
func powers(base float64, dim int) []float32 {
	out := make([]float32, dim/2)
	for i := range out {
		exponent := float32(2*i) / float32(dim)
		out[i] = float32(math.Pow(float64(float32(base)), float64(exponent)))
	}
	return out
}

func inverse(base float64, dim int) []float32 {
	out := powers(base, dim)
	for i, p := range out {
		out[i] = 1 / p
	}
	return out
}

func plain(s scaling) Frequencies { return Frequencies{inverse(s.theta, s.dim), 1} }

// linear divides positions by a factor (kaiokendev, 2023).
func linear(s scaling) Frequencies {
	f := plain(s)
	factor := float32(s.keys.Positive("factor"))
	for i := range f.InvFreq {
		f.InvFreq[i] /= factor
	}
	return f
}

// dynamic raises the base with the length of the text (NTK-aware scaling,
// bloc97 and emozilla, 2023). Transformers does so for each batch; here the
// run's longest document decides.
func dynamic(s scaling) Frequencies {
	factor := s.keys.Positive("factor")
	if s.dim <= 2 {
		return plain(s)
	}
	length := float64(max(s.sequenceLen, s.positions))
	stretch := factor*length/float64(s.positions) - (factor - 1)
	base := s.theta * math.Pow(stretch, float64(s.dim)/float64(s.dim-2))
	return Frequencies{inverse(base, s.dim), 1}
}

// llama3 leaves short wavelengths alone, divides long ones by a factor and
// interpolates between (Llama 3.1's reference implementation).
func llama3(s scaling) Frequencies {
	factor := float32(s.keys.Positive("factor"))
	low, high := s.keys.Positive("low_freq_factor"), s.keys.Positive("high_freq_factor")
	if high <= low {
		s.keys.Fail("high_freq_factor", "is %v, want more than low_freq_factor, which is %v", high, low)
		return Frequencies{}
	}
	context := float64(s.original)
	longest, shortest := float32(context/low), float32(context/high)
	f := plain(s)
	for i, freq := range f.InvFreq {
		wavelength := float32(2*math.Pi) / freq
		switch {
		case wavelength > longest:
			f.InvFreq[i] = freq / factor
		case wavelength >= shortest:
			smooth := (float32(context)/wavelength - float32(low)) / float32(high-low)
			f.InvFreq[i] = float32((1-smooth)*freq/factor) + float32(smooth*freq)
		}
	}
	return f
}

// longrope divides frequencies by learnt factors, of which there is a list for
// texts within the original context and one for longer texts (LongRoPE, Ding
// et al. 2024, arXiv:2402.13753).
func longrope(s scaling) Frequencies {
	k := s.keys
	long, short := k.Floats("long_factor", s.dim/2), k.Floats("short_factor", s.dim/2)
	if long == nil || short == nil {
		return Frequencies{}
	}
	factor := float64(s.positions) / float64(s.original)
	if k.Has("factor") {
		factor = k.Positive("factor")
	}
	attention := 1.0
	switch {
	case k.Has("attention_factor"):
		attention = k.Positive("attention_factor")
	case factor > 1 && s.original > 1:
		attention = math.Sqrt(1 + math.Log(factor)/math.Log(float64(s.original)))
	}
	by := short
	if s.sequenceLen > s.original {
		by = long
	}
	f := powers(s.theta, s.dim)
	for i := range f {
		f[i] = 1 / (float32(by[i]) * f[i])
	}
	return Frequencies{f, float32(attention)}
}
