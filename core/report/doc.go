// Package report tells of a run: metrics.jsonl, a line an event (metrics.go),
// run.json, what ran (run.go), and the progress line on a terminal
// (progress.go).
package report
