package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mattn/go-isatty"
)

// withoutArguments is what a start without arguments means: help from a
// terminal; from a double click the lora.toml beside the program, if there is one.
func withoutArguments() []string {
	if fromTerminal() {
		return []string{"--help"}
	}
	program, err := os.Executable()
	if err != nil {
		return []string{"--help"}
	}
	file := filepath.Join(filepath.Dir(program), "lora.toml")
	if _, err := os.Stat(file); err != nil {
		fmt.Printf("To train by a double click, put a lora.toml beside %s.\n\n", filepath.Base(program))
		return []string{"--help"}
	}
	return []string{"run", file}
}

// fromTerminal says that somebody typed the program's name.
func fromTerminal() bool {
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) {
			return !ownConsole()
		}
	}
	return false
}
