//go:build !unix

package host

import "os/exec"

func separate(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}
