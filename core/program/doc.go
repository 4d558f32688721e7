// Package program is the compiled training step: a flat list of instructions
// over buffers whose places in memory are fixed before anything runs.
//
// core/lower turns a graph and an adapter into a Program; a backend compiles
// the Program for its device and runs its entries. The package knows no device,
// no file and no model by name.
//
// Begin reading at Program (program.go), then the table of instructions
// (ops.go); Check (check.go) says what a valid program is.
package program
