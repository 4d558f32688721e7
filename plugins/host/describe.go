package host

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// maxOffered bounds the families and the types of one plugin.
const maxOffered = 256

// describe asks a plugin that was just started what it offers. A service that
// it does not have is none of either.
func (p *process) describe(ctx context.Context, r *running) error {
	ask := &pb.DescribeRequest{ProtocolVersion: protocol.Version, Ops: protocol.OpsToWire(graph.Versions())}
	a, err := pb.NewArchitectureClient(r.conn).Describe(ctx, ask)
	if err == nil {
		if err = p.spoken(a, a.GetProtocolVersion()); err != nil {
			return err
		}
		r.families = protocol.FamiliesFromWire(a.GetFamilies())
	} else if status.Code(err) != codes.Unimplemented {
		return err
	}
	d, err := pb.NewDatasetClient(r.conn).Describe(ctx, ask)
	if err == nil {
		if err = p.spoken(d, d.GetProtocolVersion()); err != nil {
			return err
		}
		r.types = protocol.TypesFromWire(d.GetTypes())
	} else if status.Code(err) != codes.Unimplemented {
		return err
	}
	return p.checkOffer(r)
}

const describing = "asking what it offers"

// spoken checks that an answer is in this protocol, without fields that only a
// newer one has.
func (p *process) spoken(m proto.Message, version uint32) error {
	if version != protocol.Version {
		e := p.wrong(describing, "it speaks version %d of the plugin protocol, want %d", version, protocol.Version)
		e.Advice = adviceVersion
		return e
	}
	return p.known(describing, m)
}

// known checks that a message has no fields that this program would ignore.
func (p *process) known(doing string, m proto.Message) error {
	if field := protocol.UnknownField(m); field != "" {
		e := p.wrong(doing, "its %s has a field that this version of loraedge does not know", field)
		e.Advice = adviceNewer
		return e
	}
	return nil
}

func (p *process) checkOffer(r *running) error {
	if len(r.families) == 0 && len(r.types) == 0 {
		return p.wrong(describing, "it offers no architecture and no dataset type")
	}
	if len(r.families) > maxOffered || len(r.types) > maxOffered {
		return p.wrong(describing, "it offers %d architectures and %d dataset types, want at most %d", len(r.families), len(r.types), maxOffered)
	}
	seen := map[string]bool{}
	for _, f := range r.families {
		if !pluginName.MatchString(f.Name) || seen[f.Name] {
			return p.wrong(describing, "%q is no name for an architecture, or is there twice", plain(f.Name))
		}
		seen[f.Name] = true
		if len(f.ModelTypes) == 0 {
			return p.wrong(describing, "architecture %s handles no model_type", f.Name)
		}
		for _, t := range append(append([]string(nil), f.ModelTypes...), f.Architectures...) {
			if t == "" || t != plain(t) || len(t) > 128 {
				return p.wrong(describing, "architecture %s handles a model_type %q, want a printable name", f.Name, plain(t))
			}
		}
	}
	seen = map[string]bool{}
	for _, t := range r.types {
		if !pluginName.MatchString(t.Name) || seen[t.Name] {
			return p.wrong(describing, "%q is no name for a dataset type, or is there twice", plain(t.Name))
		}
		seen[t.Name] = true
	}
	return nil
}
