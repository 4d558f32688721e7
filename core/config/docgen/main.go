// Command docgen writes docs/config.md, or the file that it is given, from the
// table of keys. It is run by go generate.
package main

import (
	"fmt"
	"os"

	"github.com/loraedge/loraedge/core/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docgen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(config.Document()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}
