package data

// Example is one tokenised training example. Weights[i] is the loss weight of
// predicting IDs[i]; the first token is never predicted.
type Example struct {
	IDs     []int32
	Weights []float32
	Kind    Kind
}

// Kind says what an example is trained for.
type Kind uint8

// The kinds of examples. A rejected one follows its chosen one.
const (
	Plain Kind = iota
	Chosen
	Rejected
	Desirable
	Undesirable
)

// String is the kind as a person calls it, "" for a plain example.
func (k Kind) String() string {
	return [...]string{"", "chosen", "rejected", "desirable", "undesirable"}[min(k, Undesirable)]
}

// Trained counts the tokens that carry loss.
func (e Example) Trained() int {
	n := 0
	for i, w := range e.Weights {
		if i > 0 && w != 0 {
			n++
		}
	}
	return n
}

// Batch is one micro batch: a flat stream of T tokens, of which each belongs
// to a document. All slices have T elements.
type Batch struct {
	IDs       []int32
	Positions []int32 // in the document
	First     []int32 // row of the document's first token
	Last      []int32 // row of the document's last token
	Targets   []int32 // the next token of the document, -1 for none
	Weights   []float32
	Index     []int32 // index of the token in the accumulation window
	Order     []int32 // rows in stable order of their id
	// Tokens counts the rows that are not padding.
	Tokens int
}

// SumWeights is Σ weight of the batch's targets.
func (b *Batch) SumWeights() float64 {
	var sum float64
	for _, w := range b.Weights {
		sum += float64(w)
	}
	return sum
}

// NewBatch lays examples out in a row of rows tokens. firstIndex is the
// window's index of row 0. What is left over is padding: documents of one
// token without a target.
func NewBatch(examples []Example, rows int, firstIndex int) *Batch {
	b := &Batch{
		IDs: make([]int32, rows), Positions: make([]int32, rows), First: make([]int32, rows), Last: make([]int32, rows),
		Targets: make([]int32, rows), Weights: make([]float32, rows), Index: make([]int32, rows),
	}
	at := 0
	for _, e := range examples {
		n := len(e.IDs)
		copy(b.IDs[at:], e.IDs)
		for i := range n {
			row := at + i
			b.Positions[row], b.First[row], b.Last[row] = int32(i), int32(at), int32(at+n-1)
			b.Targets[row] = -1
			if i+1 < n && e.Weights[i+1] != 0 {
				b.Targets[row], b.Weights[row] = e.IDs[i+1], e.Weights[i+1]
			}
		}
		at += n
	}
	b.Tokens = at
	for row := at; row < rows; row++ {
		b.First[row], b.Last[row], b.Targets[row] = int32(row), int32(row), -1
	}
	for row := range b.Index {
		b.Index[row] = int32(firstIndex + row)
	}
	b.Order = stableOrder(b.IDs)
	return b
}

// stableOrder lists rows by id, rows of one id in their own order.
func stableOrder(ids []int32) []int32 {
	var top int32
	for _, id := range ids {
		top = max(top, id)
	}
	start := make([]int32, int(top)+2)
	for _, id := range ids {
		start[id+1]++
	}
	for i := 1; i < len(start); i++ {
		start[i] += start[i-1]
	}
	order := make([]int32, len(ids))
	for row, id := range ids {
		order[start[id]] = int32(row)
		start[id]++
	}
	return order
}
