//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// separate gives the process a group of its own: Ctrl-C is for the host, which
// may still need the plugin to save.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
