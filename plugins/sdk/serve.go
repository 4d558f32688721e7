package sdk

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// Serve answers the host until it hangs up; call it as the last thing in
// main. What the plugin prints to standard output or error is kept by the
// host and shown if the plugin fails.
func Serve(p Plugin) {
	if h := protocol.Handshake(); os.Getenv(h.MagicCookieKey) == h.MagicCookieValue {
		go exitWithHost(os.Stdin)
	}
	direct := directOutput(os.Stderr)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: protocol.Handshake(),
		Plugins: plugin.PluginSet{
			protocol.Architecture: &served{architectures: p.Architectures},
			protocol.Dataset:      &served{datasets: p.Datasets},
		},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.UnaryInterceptor(direct),
				grpc.MaxRecvMsgSize(protocol.MaxMessage), grpc.MaxSendMsgSize(protocol.MaxMessage))...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

// directOutput lets what a plugin prints go to its own standard error, as soon
// as the first call arrives. go-plugin would send it as messages, of which the
// last, that say why the plugin dies, are lost when it does.
func directOutput(stderr *os.File) grpc.UnaryServerInterceptor {
	var once sync.Once
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		once.Do(func() { os.Stdout, os.Stderr = stderr, stderr })
		return handle(ctx, request)
	}
}

// exitWithHost ends the process when the host closes its end of standard
// input, which also happens when the host dies in any way.
func exitWithHost(stdin io.Reader) {
	_, _ = io.Copy(io.Discard, stdin)
	if dir := os.Getenv(plugin.EnvUnixSocketDir); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(0)
}

// served is one of the two services of a plugin.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	architectures []Architecture
	datasets      []Dataset
}

var _ plugin.GRPCPlugin = (*served)(nil)

// GRPCServer registers the service; an executable without architectures, or
// without datasets, does not serve that one.
func (s *served) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	if len(s.architectures) > 0 {
		pb.RegisterArchitectureServer(server, &architectureServer{families: s.architectures})
	}
	if len(s.datasets) > 0 {
		pb.RegisterDatasetServer(server, &datasetServer{types: s.datasets})
	}
	return nil
}

// GRPCClient is for the host only, which has its own.
func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}
