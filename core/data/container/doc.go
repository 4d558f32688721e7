// Package container reads what datasets lie in on disk: .json, .jsonl, .csv,
// .tsv, .parquet and .txt files, each also under gzip or zstd, folders and globs of them. It gives
// records as a stream, each one JSON object with the place where it was found.
//
// It knows no dataset format: which fields a record should have is for others
// to say. Begin reading at Find (which files), then Read (one file's records).
//
// A damaged or hostile file ends in an error in bounded memory: a record has at most 64 MiB, and
// nothing is made room for that the file only promises. Parquet is read by Apache's arrow-go: its decoders
// fill our buffers and stop at their end, where parquet-go makes room for whatever count a run in a
// page names, and would have had every page, codec and encoding checked here before it. That
// costs the program 18 MB; the few counts that arrow-go trusts too are checked in footer.go and pages.go.
package container
