// Package reference is the oracle: every instruction in a few readable lines of
// plain Go. It is slow, has no threads, and other backends are tested against it.
//
// Memory holds elements of type F, float32 or float64. Arithmetic is always in
// float64, sums in the order of indices, and a value is rounded to F once,
// where it is stored. So Backend[float32] is the best that a backend with
// float32 buffers can do, and Backend[float64] is exact enough for finite
// differences.
//
// It must not know other backends, nor be made fast at the price of a reader.
//
// Begin reading at backend.go (memory, calls), then linear.go; each family of
// instructions has its file, and instructions.go lists them.
package reference
