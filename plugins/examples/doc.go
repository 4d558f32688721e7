// Package examples holds the plugins that docs/plugins.md shows; its tests
// build and run them.
package examples
