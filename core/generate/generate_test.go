package generate

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// counter is a decoder after whose token n the likeliest is n+1, then n+2, of
// a vocabulary of 8. It checks that tokens come without gaps.
type counter struct {
	t     *testing.T
	seen  []int32
	calls int
	flat  bool // every token is as likely
}

func (c *counter) Decode(tokens []int32, past int) ([]float32, error) {
	if past != len(c.seen) {
		c.t.Errorf("decoding at %d after %d tokens", past, len(c.seen))
	}
	c.seen = append(c.seen, tokens...)
	c.calls++
	logits := make([]float32, 8)
	if !c.flat {
		last := tokens[len(tokens)-1]
		logits[(last+1)%8], logits[(last+2)%8] = 2, 1
	}
	return logits, nil
}

func collect(t *testing.T, d Decoder, prompt []int32, o Options) []int32 {
	t.Helper()
	var ids []int32
	err := Generate(context.Background(), d, prompt, o, func(id int32) error {
		ids = append(ids, id)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestGreedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		prompt []int32
		o      Options
		want   []int32
	}{
		{"up to MaxTokens", []int32{0}, Options{MaxTokens: 3, Context: 100, Chunk: 4}, []int32{1, 2, 3}},
		{"up to a stop token, which is not given", []int32{0}, Options{MaxTokens: 9, Context: 100, Chunk: 4, Stop: []int32{7, 4}}, []int32{1, 2, 3}},
		{"a stop token at once", []int32{3}, Options{MaxTokens: 9, Context: 100, Chunk: 4, Stop: []int32{4}}, nil},
		{"up to the context, whose end needs no decoding", []int32{0, 1}, Options{MaxTokens: 9, Context: 4, Chunk: 4}, []int32{2, 3, 4}},
		{"a prompt of several chunks", []int32{5, 6, 7, 0, 1}, Options{MaxTokens: 2, Context: 100, Chunk: 2}, []int32{2, 3}},
		{"nothing wanted", []int32{0}, Options{Context: 100, Chunk: 4}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := collect(t, &counter{t: t}, c.prompt, c.o); !reflect.DeepEqual(got, c.want) {
				t.Errorf("gave %v, wanted %v", got, c.want)
			}
		})
	}
}

func TestPromptsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		prompt []int32
		want   string
	}{{nil, "the prompt is empty"}, {make([]int32, 4), "the prompt has 4 tokens; the context holds 4"}} {
		err := Generate(context.Background(), &counter{t: t}, c.prompt, Options{MaxTokens: 1, Context: 4, Chunk: 2}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d tokens: error %v, wanted %q", len(c.prompt), err, c.want)
		}
	}
}

func TestStops(t *testing.T) {
	enough := errors.New("enough")
	err := Generate(context.Background(), &counter{t: t}, []int32{0}, Options{MaxTokens: 9, Context: 99, Chunk: 1}, func(int32) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = Generate(ctx, &counter{t: t}, []int32{0}, Options{MaxTokens: 9, Context: 99, Chunk: 1}, func(int32) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// frequencies is how often each of 8 tokens is drawn after token 7, so with
// logits 2 for token 0, 1 for token 1 and 0 for the others.
func frequencies(t *testing.T, o Options) [8]float64 {
	const draws = 4000
	var f [8]float64
	o.MaxTokens, o.Context, o.Chunk = 1, 9, 1
	for seed := range uint64(draws) {
		o.Seed = seed
		f[collect(t, &counter{t: t}, []int32{7}, o)[0]] += 1.0 / draws
	}
	return f
}

func TestSampling(t *testing.T) {
	e := math.E
	all := e*e + e + 6
	for _, c := range []struct {
		name  string
		o     Options
		first float64 // share of token 0
		next  float64 // of token 1
		other float64 // of each other
	}{
		{"temperature 1", Options{Temperature: 1}, e * e / all, e / all, 1 / all},
		{"temperature 0.5", Options{Temperature: 0.5}, math.Exp(4) / (math.Exp(4) + e*e + 6), e * e / (math.Exp(4) + e*e + 6), 1 / (math.Exp(4) + e*e + 6)},
		{"the likeliest two", Options{Temperature: 1, TopK: 2}, e / (e + 1), 1 / (e + 1), 0},
		{"more than there are", Options{Temperature: 1, TopK: 99}, e * e / all, e / all, 1 / all},
		// Token 0 has 46 %, token 1 another 17 %.
		{"a share that one token has", Options{Temperature: 1, TopP: 0.4}, 1, 0, 0},
		{"a share that two tokens have", Options{Temperature: 1, TopP: 0.6}, e / (e + 1), 1 / (e + 1), 0},
		{"the whole share", Options{Temperature: 1, TopP: 1}, e * e / all, e / all, 1 / all},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := frequencies(t, c.o)
			for id, share := range got {
				want := c.other
				if id < 2 {
					want = []float64{c.first, c.next}[id]
				}
				// Four standard deviations; exact where only one answer is possible.
				if limit := 4 * math.Sqrt(want*(1-want)/4000); math.Abs(share-want) > limit+1e-9 {
					t.Errorf("token %d was drawn with share %.4f, wanted %.4f ± %.4f", id, share, want, limit)
				}
			}
		})
	}
}

func TestSeedRepeats(t *testing.T) {
	o := Options{MaxTokens: 30, Context: 99, Chunk: 1, Temperature: 1, Seed: 3}
	first := collect(t, &counter{t: t, flat: true}, []int32{0}, o)
	if again := collect(t, &counter{t: t, flat: true}, []int32{0}, o); !reflect.DeepEqual(first, again) {
		t.Errorf("seed 3 gave %v, then %v", first, again)
	}
	o.Seed = 4
	if other := collect(t, &counter{t: t, flat: true}, []int32{0}, o); reflect.DeepEqual(first, other) {
		t.Errorf("seeds 3 and 4 both gave %v", first)
	}
}
