// Package loraedge is the root of the module; it holds the test that keeps
// imports pointing one way. The program is cmd/loraedge, and docs/architecture.md
// says how the rest is put together.
package loraedge
