package program

// Keep is the dropout generator: a hash of (seed, step, module, token index,
// column), so that a mask is the same on every backend, in forward, backward
// and recomputation, and however the window is split. An element is kept when
// the result is at least Threshold(p).
//
// It is the 32-bit finalizer "lowbias32" (Wellons, 2018) over a row key and
// the column; RowKey is computed once a row.
func Keep(rowKey uint32, column uint32) uint32 { return mix(rowKey ^ mix(column+0x9e3779b9)) }

// RowKey is the part of the hash that a row's elements share.
func RowKey(seed uint64, step, module, index uint32) uint32 {
	h := mix(uint32(seed) ^ 0x85ebca6b)
	h = mix(h ^ uint32(seed>>32))
	h = mix(h ^ step)
	h = mix(h ^ module)
	return mix(h ^ index)
}

// Threshold is the smallest hash that keeps an element under probability p of
// dropping it.
func Threshold(p float32) uint32 { return uint32(float64(p) * 4294967296.0) }

func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	x ^= x >> 16
	return x
}

// NoiseModule is the module number of OpNoise.
const NoiseModule = 0xffff_ffff

// NoiseUnit maps a hash to −1 … 1, uniformly over 2²³ values that float32 holds exactly.
func NoiseUnit(hash uint32) float32 {
	return float32(int32(hash>>9)*2+1-(1<<24)) / (1 << 24)
}
