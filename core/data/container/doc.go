// Package container reads what datasets lie in on disk: .json, .jsonl, .csv,
// .tsv, .parquet and .txt files, each also under gzip or zstd, folders and globs of them. It gives
// records as a stream, each one JSON object with the place where it was found.
//
// It knows no dataset format: which fields a record should have is for others
// to say. Begin reading at Find (which files), then Read (one file's records).
package container
