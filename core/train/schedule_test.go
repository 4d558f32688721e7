package train

import (
	"math"
	"testing"
)

// The rates are what get_last_lr() of Transformers 5.24.0's
// get_{cosine,linear,constant}_schedule_with_warmup(optimizer, warmup, total) gave before
// each step, with lr = 2e-4.
func TestScheduleAsTransformers(t *testing.T) {
	for _, c := range []struct {
		kind          string
		warmup, total int
		want          []float64
	}{
		{"cosine", 3, 12, []float64{
			0.0, 6.666666666666667e-05, 0.00013333333333333334, 0.0002, 0.00019396926207859084, 0.0001766044443118978,
			0.00015000000000000001, 0.00011736481776669306, 8.263518223330697e-05, 5.000000000000002e-05,
			2.339555568810221e-05, 6.030737921409169e-06, 0.0,
		}},
		{"linear", 3, 12, []float64{
			0.0, 6.666666666666667e-05, 0.00013333333333333334, 0.0002, 0.00017777777777777779, 0.00015555555555555556,
			0.00013333333333333334, 0.00011111111111111112, 8.888888888888889e-05, 6.666666666666667e-05,
			4.4444444444444447e-05, 2.2222222222222223e-05, 0.0,
		}},
		{"constant", 3, 12, []float64{0.0, 6.666666666666667e-05, 0.00013333333333333334, 0.0002, 0.0002, 0.0002, 0.0002}},
		{"cosine", 0, 7, []float64{
			0.0002, 0.0001900968867902419, 0.00016234898018587337, 0.00012225209339563145, 7.774790660436858e-05,
			3.7651019814126654e-05, 9.903113209758096e-06, 0.0,
		}},
		{"linear", 0, 7, []float64{
			0.0002, 0.00017142857142857143, 0.00014285714285714287, 0.00011428571428571428, 8.571428571428571e-05,
			5.714285714285714e-05, 2.857142857142857e-05, 0.0,
		}},
	} {
		s := Schedule{Kind: c.kind, Base: 2e-4, Warmup: c.warmup, Total: c.total}
		for step, want := range c.want {
			if got := s.Rate(step); math.Abs(got-want) > 1e-18 {
				t.Errorf("%s, %d warm-up steps of %d: step %d has %v, wanted %v", c.kind, c.warmup, c.total, step, got, want)
			}
		}
	}
}
