//go:build !linux

package host_test

import "testing"

// noZombies needs /proc.
func noZombies(*testing.T) {}
