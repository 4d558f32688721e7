//go:build !windows

package main

import "syscall"

// errDiskFull is what a write to a full disk gives.
const errDiskFull = syscall.ENOSPC
