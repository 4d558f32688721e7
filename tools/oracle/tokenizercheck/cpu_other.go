//go:build !unix

package main

import "time"

var began = time.Now()

// cpuTime is the clock, for want of better.
func cpuTime() time.Duration { return time.Since(began) }
