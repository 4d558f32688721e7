// Package pb is generated from plugin.proto: the messages and services between
// loraedge and its plugins. Begin reading at plugin.proto.
//
// To generate it again, put protoc (Debian: protobuf-compiler 3.21.12) on the
// PATH, with
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto
