// Package bench says where the time of a training step goes: the time of every
// instruction, what it computed and moved, and which share that is of what the
// device was measured to do at most.
//
// It knows programs and devices, no model and no configuration. Begin at
// Profile (profile.go); peak.go measures the device.
package bench
