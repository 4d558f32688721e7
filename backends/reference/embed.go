package reference

func embed[F Float](t *step[F]) {
	ids, table, y := t.in[0], t.in[1], t.out[0]
	for r := range y.rows {
		id := int(ids.ints[r])
		for c := range y.cols {
			y.set(r, c, float64(t.Scale)*table.at(id, c))
		}
	}
}

func embedGrad[F Float](t *step[F]) {
	ids, order, dy, dtable := t.in[0], t.in[1], t.in[2], t.out[0]
	for n := range dy.rows {
		r := int(order.ints[n])
		id := int(ids.ints[r])
		for c := range dy.cols {
			dtable.add(id, c, float64(t.Scale)*dy.at(r, c))
		}
	}
}
