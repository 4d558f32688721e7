// Package job carries out a lora.toml: it opens the base model and its text
// side (text.go), prepares the data (prepare.go), plans the program
// (options.go), and then trains (run.go), checks (check.go) or evaluates
// (eval.go).
//
// It is the one place where configuration meets everything else. It knows no
// terminal and no plugin process: those come in through Deps.
package job
