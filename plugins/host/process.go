package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/loraedge/loraedge/plugins/protocol"
)

// process is one plugin executable, started when it is first needed, and again
// after it has failed. It serves one call at a time.
type process struct {
	name, path string
	args       []string
	timeout    time.Duration

	mu     sync.Mutex
	sum    string // that the executable must have; "" for the built-in plugin
	run    *running
	closed bool
}

// running is a plugin that has been started.
type running struct {
	client     *plugin.Client
	subprocess *subprocess
	output     *tail
	conn       *grpc.ClientConn
	families   []protocol.Family
	types      []protocol.DatasetType
}

// patience is how long a plugin may take to leave when asked to.
const patience = time.Second

// allow sets the bytes that may run; a process of other bytes is ended.
func (p *process) allow(sum string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sum != sum {
		p.stop()
		p.sum = sum
	}
}

func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.stop()
}

// stop ends the process, if there is one, and waits until it is gone.
func (p *process) stop() {
	if p.run == nil {
		return
	}
	// go-plugin asks in its own way, without a limit, and then releases what it
	// holds; leave sees to it that the process is gone in time.
	released := make(chan struct{})
	go func(client *plugin.Client) {
		client.Kill()
		close(released)
	}(p.run.client)
	p.run.subprocess.leave(patience)
	<-released
	p.run = nil
}

// call starts the plugin if need be and makes one call, within the timeout. A
// plugin that fails is ended, and started again by the next call.
func (p *process) call(ctx context.Context, doing string, f func(context.Context, *running) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.start(ctx); err != nil {
		return err
	}
	return p.bounded(ctx, doing, f)
}

func (p *process) bounded(ctx context.Context, doing string, f func(context.Context, *running) error) error {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	err := f(limited, p.run)
	if err == nil {
		return nil
	}
	defer p.stop()
	if ended := ended(ctx); ended != nil {
		_ = p.run.subprocess.Kill(ctx)
		return ended
	}
	return p.explain(doing, err, limited.Err() != nil)
}

// ended is ctx.Err, also in the moment in which the deadline has passed and a
// call noticed before ctx did.
func ended(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// explain says what a failed call means.
func (p *process) explain(doing string, err error, late bool) error {
	if already := (*Error)(nil); errors.As(err, &already) {
		return already
	}
	var e *Error
	s, _ := status.FromError(err)
	switch {
	case late || s.Code() == codes.DeadlineExceeded:
		_ = p.run.subprocess.Kill(context.Background())
		e = p.wrong(doing, "no answer within %v, so it was ended", p.timeout)
	case s.Code() == codes.Unavailable && p.run.subprocess.gone(2*time.Second):
		e = p.wrong(doing, "it crashed (%s)", p.run.subprocess.end())
	case s.Code() == codes.Unavailable:
		e = p.wrong(doing, "it runs, but cannot be reached (%s)", said(s.Message()))
	case s.Code() == codes.Unimplemented:
		e = p.wrong(doing, "it does not know this call")
		e.Advice = adviceVersion
	case s.Code() == codes.ResourceExhausted:
		e = p.wrong(doing, "its answer is larger than %d MiB", protocol.MaxMessage>>20)
	default:
		e = p.wrong(doing, "%s", said(s.Message()))
	}
	e.Output = p.run.output.last()
	return e
}

// start starts the process and learns what it offers.
func (p *process) start(ctx context.Context) error {
	if p.run != nil && !p.run.subprocess.gone(0) {
		return nil
	}
	p.stop()
	if p.closed {
		return fmt.Errorf("plugin %s: the host is closed", p.name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.launch(ctx); err != nil {
		return err
	}
	return p.bounded(ctx, "asking what it offers", p.describe)
}

// launch starts the process and connects to it.
func (p *process) launch(ctx context.Context) error {
	r := &running{output: &tail{}}
	var err error
	if r.subprocess, err = newSubprocess(p.path, p.args, p.sum, r.output); err != nil {
		return p.cannotStart(err)
	}
	r.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: protocol.Handshake(),
		Plugins: plugin.PluginSet{
			protocol.Architecture: connection{},
			protocol.Dataset:      connection{},
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, folder string) (runner.Runner, error) {
			r.subprocess.within(cmd.Env, folder)
			return r.subprocess, nil
		},
		StartTimeout:     p.timeout,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       r.output.stream(),
		SyncStderr:       r.output.stream(),
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(protocol.MaxMessage), grpc.MaxCallSendMsgSize(protocol.MaxMessage))},
	})
	if r.conn, err = p.connect(ctx, r); err == nil {
		p.run = r
		return nil
	}
	defer r.client.Kill()
	defer r.subprocess.leave(0)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.explainStart(r, err)
}

// connect is bounded by ctx and the timeout, which the library's own connecting
// is not. When it returns, the process has been started or never will be.
func (p *process) connect(ctx context.Context, r *running) (*grpc.ClientConn, error) {
	type result struct {
		conn *grpc.ClientConn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := dial(r.client)
		done <- result{conn, err}
	}()
	var err error
	select {
	case got := <-done:
		return got.conn, got.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(p.timeout + patience):
		err = context.DeadlineExceeded
	}
	select {
	case <-r.subprocess.launched:
	case got := <-done:
		return got.conn, got.err
	}
	return nil, err
}

func dial(client *plugin.Client) (*grpc.ClientConn, error) {
	c, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := c.Dispense(protocol.Architecture)
	if err != nil {
		return nil, err
	}
	return raw.(*grpc.ClientConn), nil
}

const starting = "starting it"

// cannotStart is for a process that was never made.
func (p *process) cannotStart(err error) error {
	e := p.wrong(starting, "%v", plainPath(err))
	e.Advice = "see that the file can be read"
	if errors.Is(err, errChanged) {
		e.Advice = "if you expected that, run: loraedge plugins trust " + p.path
	}
	return e
}

// explainStart says why a process that was made did not become a plugin. The
// library's errors are texts.
func (p *process) explainStart(r *running, err error) error {
	var e *Error
	text := err.Error()
	switch {
	case !r.subprocess.started:
		e = p.wrong(starting, "the system cannot run it: %v", plainPath(err))
		e.Advice = "see that it is an executable for this kind of machine"
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "timeout"):
		e = p.wrong(starting, "no handshake within %v, so it was ended", p.timeout)
	case strings.Contains(text, "Incompatible API version") || strings.Contains(text, "incompatible API version"):
		e = p.wrong(starting, "it speaks another version of the plugin protocol, want version %d", protocol.Version)
		e.Advice = adviceVersion
	case strings.Contains(text, "Failed to read any lines") || strings.Contains(text, "exited before"):
		r.subprocess.gone(patience)
		e = p.wrong(starting, "it ended before the handshake (%s)", r.subprocess.end())
	default:
		e = p.wrong(starting, "the first line that it printed is not the handshake of a loraedge plugin")
		e.Advice = "see that the file is a plugin for loraedge, and that it prints nothing before serving"
	}
	e.Output = r.output.last()
	return e
}

// connection gives the plain connection for both services.
type connection struct{ plugin.NetRPCUnsupportedPlugin }

var _ plugin.GRPCPlugin = connection{}

func (connection) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (connection) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
