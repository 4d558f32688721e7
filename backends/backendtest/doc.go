// Package backendtest is the conformance suite that every backend's own tests
// run: each instruction over many shapes against the reference in float64, and
// small whole programs.
//
// The bound of an element is
//
//	|y − y*| ≤ slack · (input + √K · accumulator) · (|A|·|B|)
//
// where K is the length of the sum and |A|·|B| the sum of its terms'
// magnitudes; bounds.go states |A|·|B| for every instruction. It must not know
// how any backend works.
//
// Begin reading at Run (run.go); cases.go lists what is tried, builder.go makes
// small programs and is of use to other tests too.
package backendtest
