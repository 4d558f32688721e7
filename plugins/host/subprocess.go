package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/hashicorp/go-plugin"
)

// subprocess is go-plugin's view of a plugin process. Its own exists for three things
// that the library's does not do: a standard input that ends when this process
// dies, so that the plugin does not outlive it; killing what the plugin itself
// started; and a small environment.
type subprocess struct {
	cmd     *exec.Cmd
	folder  string // of the socket, and where the process runs
	output  *tail
	started bool

	stdin          *os.File      // our end; closing it asks the plugin to leave
	stdout, stderr *os.File      // our ends
	launched       chan struct{} // closed when Start has returned
	exited         chan struct{}
	state          error // of cmd.Wait, once exited is closed
}

var errChanged = errors.New("its bytes changed between finding and starting it")

// newSubprocess prepares a process. sum, where there is one, is the SHA-256
// that the executable must have.
func newSubprocess(path string, args []string, sum string, output *tail) (*subprocess, error) {
	if sum != "" {
		checksum, err := hex.DecodeString(sum)
		if err != nil {
			return nil, err
		}
		secure := plugin.SecureConfig{Checksum: checksum, Hash: sha256.New()}
		if same, err := secure.Check(path); err != nil {
			return nil, err
		} else if !same {
			return nil, errChanged
		}
	}
	s := &subprocess{
		cmd: exec.Command(path, args...), output: output,
		launched: make(chan struct{}), exited: make(chan struct{}),
	}
	s.cmd.Env = minimalEnv()
	separate(s.cmd)
	return s, nil
}

// within gives the process go-plugin's part of the environment, and the folder
// that holds its socket.
func (s *subprocess) within(env []string, folder string) {
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.Dir = folder
	s.folder = folder
}

// minimalEnv is what programs need to run at all. Tokens and settings that
// other programs keep in the environment are none of a plugin's business.
func minimalEnv() []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR",
		"SYSTEMROOT", "USERPROFILE", "TEMP", "TMP", "LOCALAPPDATA",
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Start starts the process; its three standard streams are pipes to here.
func (s *subprocess) Start(context.Context) (err error) {
	defer close(s.launched)
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
		if err != nil {
			s.closeOurs()
			_ = os.RemoveAll(s.folder)
		}
	}()
	pipe := func(ours **os.File, write bool) *os.File {
		if err != nil {
			return nil
		}
		var in, out *os.File
		if in, out, err = os.Pipe(); err != nil {
			return nil
		}
		if write {
			in, out = out, in
		}
		*ours = in
		theirs = append(theirs, out)
		return out
	}
	stdin := pipe(&s.stdin, true)
	stdout, stderr := pipe(&s.stdout, false), pipe(&s.stderr, false)
	if err != nil {
		return err
	}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = stdin, stdout, stderr
	if err = s.cmd.Start(); err != nil {
		return err
	}
	s.started = true
	go s.reap()
	return nil
}

// reap waits for the process, so that it is never a zombie, then lets the
// readers of its output end even if something it started holds the other end.
func (s *subprocess) reap() {
	s.state = s.cmd.Wait()
	killGroup(s.cmd)
	close(s.exited)
	time.AfterFunc(200*time.Millisecond, s.closeOurs)
}

func (s *subprocess) closeOurs() {
	for _, f := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// leave asks the process to end, and kills it if it does not soon.
func (s *subprocess) leave(patience time.Duration) {
	if !s.started {
		return
	}
	_ = s.stdin.Close()
	if !s.gone(patience) {
		_ = s.Kill(context.Background())
		<-s.exited
	}
}

// gone waits for the process to have ended.
func (s *subprocess) gone(patience time.Duration) bool {
	if !s.started {
		return true
	}
	select {
	case <-s.exited:
		return true
	default:
	}
	select {
	case <-s.exited:
		return true
	case <-time.After(patience):
		return false
	}
}

// Kill ends the process and what it started, at once.
func (s *subprocess) Kill(context.Context) error {
	if !s.gone(0) {
		killGroup(s.cmd)
		_ = s.cmd.Process.Kill()
	}
	return nil
}

// Wait waits for the process.
func (s *subprocess) Wait(context.Context) error { <-s.exited; return s.state }

// end says how the process ended.
func (s *subprocess) end() string {
	if s.state != nil {
		return s.state.Error()
	}
	return "exit status 0"
}

func (s *subprocess) Stdout() io.ReadCloser { return tee{s.stdout, s.output.stream()} }
func (s *subprocess) Stderr() io.ReadCloser { return tee{s.stderr, s.output.stream()} }
func (s *subprocess) Name() string          { return s.cmd.Path }

// ID is the process id.
func (s *subprocess) ID() string {
	if !s.started {
		return ""
	}
	return strconv.Itoa(s.cmd.Process.Pid)
}

func (s *subprocess) Diagnose(context.Context) string { return "" }

func (s *subprocess) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" && network != "tcp" {
		return "", "", fmt.Errorf("unknown network %q", network)
	}
	return network, address, nil
}

func (s *subprocess) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// tee copies what is read into a tail.
type tee struct {
	io.ReadCloser
	output io.Writer
}

func (t tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	_, _ = t.output.Write(p[:n])
	return n, err
}
