package data

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestNewBatch(t *testing.T) {
	got := NewBatch([]Example{
		{IDs: []int32{9, 4, 9}, Weights: []float32{1, 0, 0.5}},
		{IDs: []int32{4, 2}, Weights: []float32{0, 1}},
	}, 7, 100)
	want := &Batch{
		IDs:       []int32{9, 4, 9, 4, 2, 0, 0},
		Positions: []int32{0, 1, 2, 0, 1, 0, 0},
		First:     []int32{0, 0, 0, 3, 3, 5, 6},
		Last:      []int32{2, 2, 2, 4, 4, 5, 6},
		Targets:   []int32{-1, 9, -1, 2, -1, -1, -1}, // token 4 has no weight; none crosses a document
		Weights:   []float32{0, 0.5, 0, 1, 0, 0, 0},
		Index:     []int32{100, 101, 102, 103, 104, 105, 106},
		Order:     []int32{5, 6, 4, 1, 3, 0, 2},
		Tokens:    5,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("laid out\n%+v, wanted\n%+v", got, want)
	}
	if sum := got.SumWeights(); sum != 1.5 {
		t.Errorf("the weights' sum is %v, wanted 1.5", sum)
	}
}

// Whatever the examples: each predicts within itself, and the loss weights are
// all there but those of first tokens.
func TestNewBatchKeepsDocumentsApart(t *testing.T) {
	random(t, 100, func(t *testing.T, r *rand.Rand) {
		var examples []Example
		rows, weights := r.IntN(10), 0.0
		for range 1 + r.IntN(6) {
			n := 1 + r.IntN(9)
			e := Example{IDs: make([]int32, n), Weights: make([]float32, n)}
			for i := range n {
				e.IDs[i], e.Weights[i] = int32(r.IntN(20)), float32(r.IntN(3))
				if i > 0 {
					weights += float64(e.Weights[i])
				}
			}
			examples = append(examples, e)
			rows += n
		}
		b := NewBatch(examples, rows, 0)
		for row := range rows {
			if b.Targets[row] >= 0 && (row == int(b.Last[row]) || b.Targets[row] != b.IDs[row+1]) {
				t.Errorf("row %d predicts %d", row, b.Targets[row])
			}
			if row != int(b.First[row]+b.Positions[row]) || row > int(b.Last[row]) {
				t.Errorf("row %d is position %d of rows %d to %d", row, b.Positions[row], b.First[row], b.Last[row])
			}
		}
		if got := b.SumWeights(); got != weights {
			t.Errorf("the weights' sum is %v, wanted %v", got, weights)
		}
		if !slices.IsSortedFunc(b.Order, func(x, y int32) int {
			if d := int(b.IDs[x] - b.IDs[y]); d != 0 {
				return d
			}
			return int(x - y)
		}) {
			t.Errorf("the order %v of %v is not stable", b.Order, b.IDs)
		}
	})
}

func TestStoreRoundTrip(t *testing.T) {
	dir := t.TempDir()
	store, other := fill(t, dir, 1), fill(t, dir, 1)
	defer other.Close()
	if store.Hash() != other.Hash() {
		t.Error("the same examples have two hashes")
	}
	changed := fill(t, dir, 2)
	defer changed.Close()
	if store.Hash() == changed.Hash() {
		t.Error("another weight has the same hash")
	}
	if store.Count() != 2 || store.Len(0) != 3 || store.Len(1) != 1 || store.Trained(0) != 1 || store.Trained(1) != 0 {
		t.Errorf("%d examples of %d and %d tokens", store.Count(), store.Len(0), store.Len(1))
	}
	for i, want := range stored(1) {
		got, err := store.Example(i)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("example %d came back as %v (%v), wanted %v", i, got, err, want)
		}
	}
	path := store.file.Name()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if _, err := NewStore(path + "/none"); err == nil {
		t.Error("a store in a folder that is not there")
	}
}

func stored(weight float32) []Example {
	return []Example{
		{IDs: []int32{7, 1 << 30, 0}, Weights: []float32{0, 0, weight}},
		{IDs: []int32{5}, Weights: []float32{1}},
	}
}

func fill(t *testing.T, dir string, weight float32) *Store {
	t.Helper()
	s, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range stored(weight) {
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}
