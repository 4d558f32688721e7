// Package protocol is what host and plugins agree on: the handshake, the
// limits, and the Go form of every message with its conversion to and from the
// wire. The wire itself is plugins/protocol/pb.
//
// It knows neither how a plugin is found and started nor what it computes.
// Begin reading at Version, then types.go.
package protocol
