// Package host finds plugins, runs those that may run as subprocesses, and
// gives their answers, checked, as plain Go values. Nobody above can tell a
// built-in plugin from a foreign one.
//
// It knows no architecture and no dataset type. Begin reading at Host
// (host.go); discover.go finds, trust.go allows, process.go runs, runner.go is
// the operating system's side of a subprocess, errors.go what users read.
package host
