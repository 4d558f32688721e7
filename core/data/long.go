package data

// Long says what happens to an example longer than the sequence length.
type Long string

// The values of Long.
const (
	LongCut   Long = "cut"
	LongSplit Long = "split"
	LongDrop  Long = "drop"
	LongError Long = "error"
)

// split cuts an example into parts of at most limit tokens. A part begins with the
// last token of the one before, since the first token of a part is not
// predicted: so every trained token is trained once. Parts without one are left out.
func split(e Example, limit int) []Example {
	var parts []Example
	for from := 0; from+1 < len(e.IDs); from += limit - 1 {
		to := min(from+limit, len(e.IDs))
		part := Example{IDs: e.IDs[from:to], Weights: e.Weights[from:to], Kind: e.Kind}
		if part.Trained() > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}
