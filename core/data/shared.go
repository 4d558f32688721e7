package data

import "crypto/sha256"

// Shared counts the examples of held whose tokens are also those of an example of train:
// what is measured on them says nothing of texts that the model has not seen.
func (s *Store) Shared(held, train []int) int {
	of := map[[sha256.Size]byte]int{} // held examples with the tokens of this sum
	lengths := map[int]bool{}
	for _, i := range held {
		of[s.sum(i)]++
		lengths[s.Len(i)] = true
	}
	n := 0
	for _, i := range train {
		if !lengths[s.Len(i)] {
			continue
		}
		sum := s.sum(i)
		n += of[sum]
		delete(of, sum)
	}
	return n
}

// sum is the SHA-256 of example i's ids.
func (s *Store) sum(i int) [sha256.Size]byte {
	at := s.entry(i)
	end := at.offset + 4*int64(at.tokens)
	if end > int64(len(s.m)) { // damaged: Example says so
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(s.m[at.offset:end])
}
