package data

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// random gives a generator of its own to each of many small cases; the case's
// number is its seed.
func random(t *testing.T, cases int, check func(*testing.T, *rand.Rand)) {
	for seed := range cases {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { check(t, rand.New(rand.NewPCG(uint64(seed), 0))) })
		if t.Failed() {
			return
		}
	}
}

// sorted are the members of all batches, by number.
func sorted(batches [][]int) []int {
	all := slices.Concat(batches...)
	slices.Sort(all)
	return all
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestPackHoldsEveryExampleOnce(t *testing.T) {
	random(t, 200, func(t *testing.T, r *rand.Rand) {
		n, capacity := 1+r.IntN(300), 1+r.IntN(100)
		lengths := make([]int, n)
		total := 0
		for i := range lengths {
			lengths[i] = 1 + r.IntN(capacity)
			total += lengths[i]
		}
		order := r.Perm(n)
		place := make([]int, n)
		for at, e := range order {
			place[e] = at
		}
		batches := Pack(order, func(i int) int { return lengths[i] }, capacity)
		if !slices.Equal(sorted(batches), numbers(n)) {
			t.Fatalf("not every example once: %v", batches)
		}
		for _, b := range batches {
			sum := 0
			for _, e := range b {
				sum += lengths[e]
			}
			if sum > capacity {
				t.Errorf("batch %v has %d tokens, more than %d", b, sum, capacity)
			}
			if !slices.IsSortedFunc(b, func(x, y int) int { return place[x] - place[y] }) {
				t.Errorf("batch %v is not in the order %v", b, order)
			}
		}
		// With fewer bins than stay open, no two batches would fit into one.
		if len(batches) <= openBins && len(batches) > 2*total/capacity+1 {
			t.Errorf("%d batches for %d tokens of %d each", len(batches), total, capacity)
		}
	})
}

func TestPackBestFit(t *testing.T) {
	lengths := []int{6, 3, 7, 4, 3, 1}
	got := Pack(numbers(len(lengths)), func(i int) int { return lengths[i] }, 10)
	// 6+3, then 7; 4 fits neither; 3 fills 7 best, 1 fills 6+3.
	if want := [][]int{{0, 1, 5}, {2, 4}, {3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("packed %v, wanted %v", got, want)
	}
}

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		order []int
		size  int
		want  [][]int
	}{
		{[]int{4, 2, 0, 1, 3}, 2, [][]int{{4, 2}, {0, 1}, {3}}},
		{[]int{1, 0}, 5, [][]int{{1, 0}}},
		{nil, 2, nil},
	} {
		if got := Group(c.order, c.size); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v by %d: %v, wanted %v", c.order, c.size, got, c.want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		capacity int
		want     []int
	}{
		{8, []int{8}}, {64, []int{64}}, {128, []int{128, 64}}, {256, []int{256, 128, 64}},
		{2048, []int{2048, 1024, 512, 256}}, {1000, []int{1000, 512, 256, 128}},
	} {
		if got := Buckets(c.capacity); !reflect.DeepEqual(got, c.want) {
			t.Errorf("capacity %d: %v, wanted %v", c.capacity, got, c.want)
		}
	}
	for _, c := range [][2]int{{1, 64}, {64, 64}, {65, 128}, {129, 256}, {256, 256}} {
		if got := Bucket([]int{256, 128, 64}, c[0]); got != c[1] {
			t.Errorf("%d tokens go into %d, wanted %d", c[0], got, c[1])
		}
	}
}

func TestSplit(t *testing.T) {
	random(t, 50, func(t *testing.T, r *rand.Rand) {
		n := 1 + r.IntN(50)
		held, seed := r.IntN(n+1), r.Uint64()
		train, valid := Split(n, held, seed)
		if len(valid) != held || !slices.Equal(sorted([][]int{train, valid}), numbers(n)) {
			t.Fatalf("%d of %d held out: %v and %v", held, n, train, valid)
		}
		if !slices.IsSorted(train) || !slices.IsSorted(valid) {
			t.Errorf("not in file order: %v and %v", train, valid)
		}
		if again, _ := Split(n, held, seed); !slices.Equal(train, again) {
			t.Errorf("the seed does not repeat: %v, then %v", train, again)
		}
	})
}

func TestEpochOrder(t *testing.T) {
	examples := []int{3, 5, 7, 8, 11, 13, 20, 21}
	if got := EpochOrder(examples, 4, 1, false); !slices.Equal(got, examples) {
		t.Errorf("without shuffling: %v", got)
	}
	first, second := EpochOrder(examples, 0, 1, true), EpochOrder(examples, 1, 1, true)
	if slices.Equal(first, second) || slices.Equal(first, examples) {
		t.Errorf("epochs 0 and 1 have the orders %v and %v", first, second)
	}
	for _, order := range [][]int{first, second} {
		if !slices.Equal(sorted([][]int{order}), examples) {
			t.Errorf("%v is no order of %v", order, examples)
		}
	}
	if again := EpochOrder(examples, 1, 1, true); !slices.Equal(second, again) {
		t.Errorf("epoch 1 has the order %v, then %v", second, again)
	}
}
