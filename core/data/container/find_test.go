package container

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder makes a folder of empty files.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	hub := []string{"README.md", "dataset_infos.json", ".cache/x.parquet", "data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "data/test-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet"}
	for _, c := range []struct {
		files             []string
		path, split, want string
	}{
		{[]string{"a.jsonl"}, "a.jsonl", "train", "a.jsonl"},
		{[]string{"b.jsonl", "a.jsonl", "notes.md"}, ".", "train", "a.jsonl b.jsonl"},
		{hub, ".", "", "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet"},
		{hub, ".", "validation", "data/validation-00000-of-00001.parquet"},
		{hub, "data", "test", "data/test-00000-of-00001.parquet"},
		{[]string{"train/a.csv", "dev/a.csv"}, ".", "validation", "dev/a.csv"},
		{[]string{"my_train_set.json.gz", "my_eval_set.json.gz"}, ".", "test", "my_eval_set.json.gz"},
		{[]string{"trainer.jsonl"}, ".", "train", "trainer.jsonl"},
		{[]string{"a.jsonl", "b.jsonl", "c.txt"}, "*.jsonl", "train", "a.jsonl b.jsonl"},
		{[]string{"x/a.jsonl", "y/a.jsonl"}, "[xy]/*.jsonl", "train", "x/a.jsonl y/a.jsonl"},
		{[]string{"train.jsonl", "test.jsonl"}, "*.jsonl", "train", "train.jsonl"},
		{[]string{"data[1].jsonl"}, "data[1].jsonl", "train", "data[1].jsonl"},
	} {
		dir := folder(t, c.files...)
		found, err := Find(filepath.Join(dir, c.path), c.split)
		if err != nil {
			t.Errorf("%s of %v: %v", c.path, c.files, err)
		}
		for i := range found {
			found[i], _ = filepath.Rel(dir, found[i])
			found[i] = filepath.ToSlash(found[i])
		}
		if !slices.Equal(found, strings.Fields(c.want)) {
			t.Errorf("%s, split %q of %v: found %v, wanted %s", c.path, c.split, c.files, found, c.want)
		}
	}
}

func TestFindErrors(t *testing.T) {
	for _, c := range []struct {
		files             []string
		path, split, want string
	}{
		{nil, "none.jsonl", "train", "no such file"},
		{nil, ".", "train", "the folder holds no file of a known kind"},
		{[]string{"data-00000-of-00001.arrow"}, ".", "train", "write it as Parquet with to_parquet"},
		{[]string{"a.jsonl", "b.csv"}, ".", "train", "files of several kinds (.csv, .jsonl); say which are meant with a glob"},
		{[]string{"a.jsonl"}, "a.jsonl", "test", "is one file, and has no split \"test\""},
		{[]string{"a.jsonl"}, ".", "test", "no file's name tells a split"},
		{[]string{"train.jsonl", "test.jsonl"}, ".", "validation", `there is no split "validation"; its files are of "test" and "train"`},
		{[]string{"test.jsonl"}, "*.jsonl", "train", `there is no split "train"; its files are of "test"`},
		{nil, "*.jsonl", "train", "no file is named so"},
		{[]string{"a.xml"}, "*.xml", "train", `files that end in ".xml" are not known`},
		{nil, "[", "train", "the pattern cannot be read"},
	} {
		dir := folder(t, c.files...)
		if _, err := Find(filepath.Join(dir, c.path), c.split); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, split %q of %v: error %v, wanted %q", c.path, c.split, c.files, err, c.want)
		}
	}
}
