package config

import (
	"fmt"
	"math"
	"strconv"
)

// Range bounds a number: Min ≤ x ≤ Max, or without the bound itself.
type Range struct {
	Min, Max           float64
	AboveMin, BelowMax bool // the bound itself is outside
}

// unlimited is a Max that no one reaches: settings are held as int or
// float64, and what is counted fits in 31 bits.
const unlimited = math.MaxInt32

func atLeast(least float64) *Range       { return &Range{Min: least, Max: unlimited} }
func above(least float64) *Range         { return &Range{Min: least, Max: unlimited, AboveMin: true} }
func between(least, most float64) *Range { return &Range{Min: least, Max: most} }
func below(least, most float64) *Range   { return &Range{Min: least, Max: most, BelowMax: true} }

// holds reports whether x is in the range; NaN is in none, and nil is every
// finite number.
func (r *Range) holds(x float64) bool {
	if r == nil {
		return !math.IsNaN(x) && !math.IsInf(x, 0)
	}
	return (x > r.Min || x == r.Min && !r.AboveMin) && (x < r.Max || x == r.Max && !r.BelowMax)
}

// of completes "a number" to "a number of at least 1".
func (r *Range) of(number string) string {
	if r == nil {
		return number
	}
	low, high := "from "+plain(r.Min), " to "+plain(r.Max)
	open := r.AboveMin || r.BelowMax
	if open || r.Max == unlimited {
		low = "of at least " + plain(r.Min)
		high = " and at most " + plain(r.Max)
	}
	if r.AboveMin {
		low = "above " + plain(r.Min)
	}
	if r.BelowMax {
		high = " and below " + plain(r.Max)
	}
	if r.Max == unlimited {
		high = ""
	}
	return fmt.Sprintf("%s %s%s", number, low, high)
}

// plain writes a number as a person does: no exponent for a whole one.
func plain(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<60 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
