// Package model puts a base model on a device: the files of a Hugging Face
// folder and the graph of an architecture plugin (base.go), the lowered
// program with its weights in place (session.go, load.go), how a new adapter
// begins (init.go, pissa.go), adapters in and out (adapter.go), and running a batch (run.go).
//
// It knows no dataset and no schedule; train and generate are built on it.
package model
