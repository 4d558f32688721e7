// Package sdk is what a plugin imports: Serve, the interfaces Architecture
// and Dataset, a builder that lets a family of models read like its paper,
// and records with their columns.
//
// It knows nothing of the host's files, devices or settings: a plugin sees
// the configuration of a model, or records, and answers. Begin reading at
// Serve; docs/plugins.md has a whole example.
package sdk
