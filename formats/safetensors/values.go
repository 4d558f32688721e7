package safetensors

import (
	"fmt"

	"github.com/loraedge/loraedge/formats/dtype"
)

// Float32s converts a whole tensor of type F32, F16 or BF16. It is for small
// tensors: it holds the values a second time. See ReadInto for large ones.
func Float32s(t Tensor) ([]float32, error) {
	if err := checkConvertible(t); err != nil {
		return nil, err
	}
	values := make([]float32, t.Elements())
	if err := dtype.ToFloat32(values, t.Data, t.DType); err != nil {
		return nil, fmt.Errorf("%s: tensor %q: %w", t.Path, t.Name, err)
	}
	return values, nil
}

// ReadInto converts the rows from <= row < to of a tensor of type F32, F16 or
// BF16 into dst, which has exactly their elements. A row is everything of one
// index of the first dimension; a scalar is one row of one element.
func ReadInto(dst []float32, t Tensor, from, to int) error {
	if err := checkConvertible(t); err != nil {
		return err
	}
	rows, width := 1, 1
	if len(t.Shape) > 0 {
		rows = t.Shape[0]
		for _, dim := range t.Shape[1:] {
			width *= dim
		}
	}
	if from < 0 || from > to || to > rows {
		return fmt.Errorf("%s: tensor %q has rows 0 to %d, asked for %d to %d", t.Path, t.Name, rows, from, to)
	}
	rowBytes := width * t.DType.Size()
	if err := dtype.ToFloat32(dst, t.Data[from*rowBytes:to*rowBytes], t.DType); err != nil {
		return fmt.Errorf("%s: tensor %q, rows %d to %d: %w", t.Path, t.Name, from, to, err)
	}
	return nil
}

// CheckFinite is an error where a tensor holds NaN or infinity; it names the
// first such element.
func CheckFinite(t Tensor) error {
	at, err := dtype.FirstNonFinite(t.Data, t.DType)
	if err != nil {
		return fmt.Errorf("%s: tensor %q: type %s: %w", t.Path, t.Name, t.TypeName, err)
	}
	if at < 0 {
		return nil
	}
	return fmt.Errorf("%s: tensor %q, shape %v: element %v is NaN or infinite: the weights are broken; copy or download the file again, or use another checkpoint",
		t.Path, t.Name, t.Shape, position(at, t.Shape))
}

// position gives the index in each dimension of the element at a flat index.
func position(at int, shape []int) []int {
	index := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		index[i] = at % shape[i]
		at /= shape[i]
	}
	return index
}

func checkConvertible(t Tensor) error {
	if t.DType.Convertible() {
		return nil
	}
	return fmt.Errorf("%s: tensor %q has type %s; values are read from F32, F16 and BF16 only", t.Path, t.Name, t.TypeName)
}
