package graph

import (
	"fmt"
	"sort"
)

// CheckTensors says whether the parameters fit the tensors of a model's files.
// shape returns the shape of a tensor and whether there is one of that name.
// The parameters that share a tensor must cover its rows without gap or
// overlap, so that no part of a tensor is left out unnoticed. Call it on a
// graph that has passed Check.
func (g *Graph) CheckTensors(shape func(tensor string) ([]int, bool)) error {
	rows := map[string][]Param{}
	var order []string
	for _, p := range g.Params {
		if rows[p.Tensor] == nil {
			order = append(order, p.Tensor)
		}
		rows[p.Tensor] = append(rows[p.Tensor], p)
	}
	for _, name := range order {
		found, ok := shape(name)
		if !ok {
			return fmt.Errorf("tensor %s: not in the model's files, but parameter %s is read from it", name, rows[name][0].Name)
		}
		if err := checkTensor(found, rows[name]); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
	}
	return nil
}

// checkTensor checks the parameters that share one tensor.
func checkTensor(found []int, params []Param) error {
	sort.SliceStable(params, func(i, j int) bool { return params[i].FirstRow < params[j].FirstRow })
	next := 0
	for _, p := range params {
		want := append([]int(nil), p.Shape...)
		if p.Transpose {
			want[0], want[1] = want[1], want[0]
		}
		if p.FirstRow != next {
			return fmt.Errorf("parameter %s begins in row %d, want row %d", p.Name, p.FirstRow, next)
		}
		next = p.FirstRow + want[0]
		if len(found) != len(want) || len(want) == 2 && found[1] != want[1] || len(params) == 1 && found[0] != next {
			return fmt.Errorf("has shape %v in the file, want %v for parameter %s", found, want, p.Name)
		}
	}
	if found[0] != next {
		return fmt.Errorf("has %d rows in the file, want %d for the %d parameters that share it", found[0], next, len(params))
	}
	return nil
}
