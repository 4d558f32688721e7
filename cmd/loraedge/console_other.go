//go:build !windows

package main

// ownConsole is false: only on Windows does a double click open a console.
func ownConsole() bool { return false }

func holdConsole() {}
