package reference

func embed[F Float](t *step[F]) error {
	ids, table, y := t.in[0], t.in[1], t.out[0]
	for r := range y.rows {
		id := ids.ints[r]
		if err := inRange("id", r, id, table.rows); err != nil {
			return err
		}
		for c := range y.cols {
			y.set(r, c, float64(t.Scale)*table.at(int(id), c))
		}
	}
	return nil
}

func embedGrad[F Float](t *step[F]) error {
	ids, order, dy, dtable := t.in[0], t.in[1], t.in[2], t.out[0]
	for n := range dy.rows {
		r := order.ints[n]
		if err := inRange("order", n, r, dy.rows); err != nil {
			return err
		}
		id := ids.ints[r]
		if err := inRange("id", int(r), id, dtable.rows); err != nil {
			return err
		}
		for c := range dy.cols {
			dtable.add(int(id), c, float64(t.Scale)*dy.at(int(r), c))
		}
	}
	return nil
}
