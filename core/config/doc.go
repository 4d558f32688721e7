// Package config reads lora.toml.
//
// Load gives a Config with every default filled in and every path resolved, or
// Errors: all mistakes of the file at once, each with its line and column, what
// was wanted and the likely fix.
//
// It must not know what a setting does: it opens no model, data set or device,
// and its only look at the file system is at lora.toml itself.
//
// Begin with keys.go, the one table of keys from which validation, defaults,
// suggestions and docs/config.md are made; unavailable.go lists the settings
// that this version has a name but no code for. Parse (config.go) then goes:
// scan.go finds where keys and values stand, tree.go joins places and values,
// set.go lays --set over them, decode.go checks each key against the table,
// checks.go checks keys against each other.
package config

//go:generate go run ./docgen ../../docs/config.md
