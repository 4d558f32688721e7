package data

import "math/rand/v2"

// Streams of the seed, so that what one use draws does not change another's.
const (
	streamSplit = 1 + iota
	streamShuffle
)

func generator(seed uint64, stream, round int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(stream)<<32|uint64(round)))
}

// Split takes `held` of n examples out for validation, by the seed; both lists are in
// file order.
func Split(n, held int, seed uint64) (train, valid []int) {
	chosen := make([]bool, n)
	for _, i := range generator(seed, streamSplit, 0).Perm(n)[:held] {
		chosen[i] = true
	}
	for i, c := range chosen {
		if c {
			valid = append(valid, i)
		} else {
			train = append(train, i)
		}
	}
	return train, valid
}

// EpochOrder is the order in which an epoch sees the examples.
func EpochOrder(examples []int, epoch int, seed uint64, shuffle bool) []int {
	order := append([]int(nil), examples...)
	if shuffle {
		generator(seed, streamShuffle, epoch).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}
