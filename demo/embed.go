package demo

import (
	"embed"
	"io/fs"
)

//go:embed model data
var files embed.FS

// FS holds model/ (a Hugging Face folder) and data/ (train.json, test.json).
var FS fs.FS = files
