// Package generate writes text with a model: prompt in, sampled tokens out.
package generate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Decoder appends tokens to a context and returns the logits after the last;
// model.Session is one.
type Decoder interface {
	Decode(tokens []int32, past int) ([]float32, error)
}

// Options say how to sample.
type Options struct {
	MaxTokens   int
	Context     int     // capacity of the decoder's context, in tokens
	Chunk       int     // most tokens the decoder takes at once
	Temperature float64 // 0: always the likeliest token
	TopK        int     // sample among the K likeliest; 0 for all
	TopP        float64 // sample among the likeliest that make up this share; 0 or 1 for all
	Seed        uint64
	Stop        []int32 // tokens that end the text
}

// Generate yields tokens after the prompt until a stop token, MaxTokens or the
// end of the context. An error of yield stops it.
func Generate(ctx context.Context, d Decoder, prompt []int32, o Options, yield func(id int32) error) error {
	if len(prompt) == 0 {
		return fmt.Errorf("the prompt is empty")
	}
	if len(prompt) >= o.Context {
		return fmt.Errorf("the prompt has %d tokens; the context holds %d", len(prompt), o.Context)
	}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	past := 0
	var logits []float32
	var err error
	for chunk := range slices.Chunk(prompt, o.Chunk) {
		if logits, err = d.Decode(chunk, past); err != nil {
			return err
		}
		past += len(chunk)
	}
	for n := 0; n < o.MaxTokens; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := pick(logits, o, random)
		if slices.Contains(o.Stop, id) {
			return nil
		}
		if err := yield(id); err != nil {
			return err
		}
		if past >= o.Context {
			return nil
		}
		if logits, err = d.Decode([]int32{id}, past); err != nil {
			return err
		}
		past++
	}
	return nil
}

type candidate struct {
	id          int32
	probability float64
}

// pick samples by temperature, then TopK, then TopP.
func pick(logits []float32, o Options, random *rand.Rand) int32 {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	if o.Temperature <= 0 {
		return int32(best)
	}
	all := make([]candidate, len(logits))
	for i, l := range logits {
		all[i] = candidate{int32(i), math.Exp(float64(l-logits[best]) / o.Temperature)}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.probability > b.probability:
			return -1
		case a.probability < b.probability:
			return 1
		}
		return 0
	})
	if o.TopK > 0 && o.TopK < len(all) {
		all = all[:o.TopK]
	}
	all = topP(all, o.TopP)
	at := random.Float64() * sum(all)
	for _, c := range all {
		if at -= c.probability; at < 0 {
			return c.id
		}
	}
	return all[len(all)-1].id
}

func topP(all []candidate, p float64) []candidate {
	if p <= 0 || p >= 1 {
		return all
	}
	left := p * sum(all)
	for i, c := range all {
		if left -= c.probability; left <= 0 {
			return all[:i+1]
		}
	}
	return all
}

func sum(all []candidate) float64 {
	var s float64
	for _, c := range all {
		s += c.probability
	}
	return s
}
