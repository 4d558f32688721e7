// Package system is what backends ask of the computer that they run on: how
// much memory it has left and what its processor is called. It must not know
// backends.
package system
