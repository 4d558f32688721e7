package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// A full disk is told from other errors of writing, through all that wraps it.
func TestAdviceOnFullDisk(t *testing.T) {
	write := func(err error) error {
		return fmt.Errorf("saving the checkpoint of step 20: %w", &os.PathError{Op: "write", Path: "x", Err: err})
	}
	if a := advice(write(errDiskFull)); !strings.Contains(a, "Make room") {
		t.Errorf("on a full disk the advice is %q", a)
	}
	if a := advice(write(errors.New("broken"))); a != "" {
		t.Errorf("on another error the advice is %q", a)
	}
}
