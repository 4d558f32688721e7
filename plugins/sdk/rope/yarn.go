package rope

import "math"

// yarn interpolates low frequencies, keeps high ones, and ramps between
// (YaRN, Peng et al. 2023, arXiv:2309.00071, sections 3.2 to 3.4).
func yarn(s scaling) Frequencies {
	k := s.keys
	factor := float64(s.positions) / float64(s.original)
	if k.Has("factor") {
		factor = k.Positive("factor")
	}
	if s.theta <= 1 {
		k.Fail("rope_theta", "is %v, want more than 1 for YaRN", s.theta)
		return Frequencies{}
	}
	low, high := yarnRange(s)
	f := powers(s.theta, s.dim)
	for i, p := range f {
		ramp := min(max(float32(float64(i)-low)/float32(high-low), 0), 1)
		keep := 1 - ramp
		interpolated, extrapolated := 1/(float32(factor)*p), 1/p
		f[i] = float32(interpolated*(1-keep)) + float32(extrapolated*keep)
	}
	return Frequencies{f, float32(yarnAttention(s, factor))}
}

// yarnRange is where the ramp begins and ends, counted in frequencies: between
// those that turn beta_fast and beta_slow times within the original context.
func yarnRange(s scaling) (low, high float64) {
	at := func(key string, missing float64) float64 {
		turns := missing
		if s.keys.FloatOr(key, 0) != 0 {
			turns = s.keys.Positive(key)
		}
		dim := float64(s.dim)
		return dim * math.Log(float64(s.original)/(turns*2*math.Pi)) / (2 * math.Log(s.theta))
	}
	low, high = at("beta_fast", 32), at("beta_slow", 1)
	if s.keys.Bool("truncate", true) {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(s.dim-1))
	if low == high {
		high += 0.001
	}
	return low, high
}

// yarnAttention is the factor on rotated queries and keys.
func yarnAttention(s scaling, factor float64) float64 {
	k := s.keys
	if k.Has("attention_factor") {
		return k.Positive("attention_factor")
	}
	temperature := func(mscale float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*mscale*math.Log(factor) + 1
	}
	all, one := k.FloatOr("mscale_all_dim", 0), k.FloatOr("mscale", 0)
	if all != 0 && one != 0 {
		return temperature(one) / temperature(all)
	}
	return temperature(1)
}
