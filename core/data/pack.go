package data

import "slices"

// openBins is how many partly filled batches packing looks at for the next
// example: enough to fill batches to some 99 %, few enough to stay a stream.
const openBins = 64

// Pack puts examples of the given lengths into batches of at most capacity
// tokens, best fit first; every length is at most capacity. A batch's examples are in the
// order in which they came.
func Pack(order []int, length func(int) int, capacity int) [][]int {
	type bin struct {
		items []int
		room  int
	}
	var open []*bin
	var done []*bin
	for _, e := range order {
		n := length(e)
		var best *bin
		for _, b := range open {
			if b.room >= n && (best == nil || b.room < best.room) {
				best = b
			}
		}
		if best == nil {
			best = &bin{room: capacity}
			open = append(open, best)
			done = append(done, best)
		}
		best.items = append(best.items, e)
		best.room -= n
		if len(open) > openBins {
			fullest := slices.MinFunc(open, func(a, b *bin) int { return a.room - b.room })
			open = slices.DeleteFunc(open, func(b *bin) bool { return b == fullest })
		}
	}
	batches := make([][]int, len(done))
	for i, b := range done {
		batches[i] = b.items
	}
	return batches
}

// Group puts size examples into each batch, in order; the last may have fewer.
func Group(order []int, size int) [][]int {
	var batches [][]int
	for group := range slices.Chunk(order, size) {
		batches = append(batches, group)
	}
	return batches
}

// Buckets are the batch sizes that are compiled: capacity and some halves of it, each a multiple
// of 32 tokens, down to the shortest that saves something.
func Buckets(capacity int) []int {
	buckets := []int{capacity}
	for n := 0; n < 3; n++ {
		next := (buckets[len(buckets)-1]/2 + 31) / 32 * 32
		if next >= buckets[len(buckets)-1] || next < 64 {
			break
		}
		buckets = append(buckets, next)
	}
	return buckets
}

// Bucket is the smallest bucket that holds n tokens; buckets are in falling order.
func Bucket(buckets []int, n int) int {
	best := buckets[0]
	for _, b := range buckets {
		if b >= n {
			best = b
		}
	}
	return best
}
