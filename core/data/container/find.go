package container

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Train is the split that is read where none is asked for.
const Train = "train"

// splitWords are the words by which file and folder names tell a split, as
// Hugging Face's loader has them.
var splitWords = map[string][]string{
	Train:        {"train", "training"},
	"validation": {"validation", "valid", "val", "dev"},
	"test":       {"test", "testing", "eval", "evaluation"},
}

// notData are files of dataset folders that describe the data.
var notData = []string{"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "dataset_infos.jsonl"}

// Find lists the files that a path stands for, in the order in which they are
// read: the file itself, or of a folder (and the folders in it) or a glob those of the split. Where
// no name tells a split, all files are "train". Errors say which splits there are.
func Find(path, split string) ([]string, error) {
	if split == "" {
		split = Train
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && !st.IsDir():
		if split != Train {
			return nil, fmt.Errorf("dataset %s is one file, and has no split %q: split chooses among the files of a folder; remove it", path, split)
		}
		return []string{path}, nil
	case err == nil:
		return findInFolder(path, split)
	case strings.ContainsAny(path, "*?["):
		return findByGlob(path, split)
	}
	return nil, fmt.Errorf("dataset: %w", err)
}

func findByGlob(pattern, split string) ([]string, error) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: the pattern cannot be read: %w; it may hold *, ? and [a-z]", pattern, err)
	}
	var files []string
	for _, m := range matches {
		if st, err := os.Stat(m); err == nil && !st.IsDir() {
			files = append(files, m)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("dataset %s: no file is named so", pattern)
	}
	for _, f := range files {
		if _, err := kindOf(f); err != nil {
			return nil, err
		}
	}
	return ofSplit(pattern, splitOnGlob(pattern), files, split)
}

// splitOnGlob is the part of a pattern before its first wild card.
func splitOnGlob(pattern string) string {
	fixed := pattern[:strings.IndexAny(pattern, "*?[")]
	return fixed[:strings.LastIndexAny(fixed, `/\`)+1]
}

func findInFolder(dir, split string) ([]string, error) {
	byKind := map[string][]string{}
	arrow := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if path != dir && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "__")) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() || slices.Contains(notData, name) {
			return nil
		}
		if st, err := os.Stat(path); err != nil || st.IsDir() { // behind a link
			return nil
		}
		arrow = arrow || filepath.Ext(name) == ".arrow"
		if kind, err := kindOf(path); err == nil {
			byKind[kind] = append(byKind[kind], path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var kinds []string
	for kind := range byKind {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	switch {
	case len(kinds) == 0 && arrow:
		return nil, fmt.Errorf("dataset %s holds .arrow files, as Hugging Face's save_to_disk writes them, which are not read; write it as Parquet with to_parquet", dir)
	case len(kinds) == 0:
		return nil, fmt.Errorf("dataset %s: the folder holds no file of a known kind; %s", dir, knownKinds)
	case len(kinds) > 1:
		return nil, fmt.Errorf("dataset %s: the folder holds files of several kinds (%s); say which are meant with a glob such as %s",
			dir, strings.Join(kinds, ", "), filepath.Join(dir, "*"+kinds[0]))
	}
	return ofSplit(dir, dir, byKind[kinds[0]], split)
}

// ofSplit picks the files of a split, by the words in their names below root.
func ofSplit(what, root string, files []string, split string) ([]string, error) {
	slices.Sort(files)
	bySplit := map[string][]string{}
	for _, f := range files {
		name, err := filepath.Rel(root, f)
		if err != nil {
			name = f
		}
		s := splitOf(name)
		bySplit[s] = append(bySplit[s], f)
	}
	untold := bySplit[""]
	delete(bySplit, "")
	if len(bySplit) == 0 && split == Train {
		return untold, nil
	}
	if chosen := bySplit[split]; len(chosen) > 0 {
		return chosen, nil
	}
	var names []string
	for s := range bySplit {
		names = append(names, fmt.Sprintf("%q", s))
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, fmt.Errorf("dataset %s: there is no split %q: no file's name tells a split (as in validation.jsonl or test-00000-of-00001.parquet)", what, split)
	}
	return nil, fmt.Errorf("dataset %s: there is no split %q; its files are of %s. Name one of these as split, or one file as path",
		what, split, strings.Join(names, " and "))
}

// splitOf is the split that a name tells, "" for none. Of several words the
// last counts: "test/train.jsonl" is of train.
func splitOf(name string) string {
	split := ""
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range words {
		for s, known := range splitWords {
			if slices.Contains(known, w) {
				split = s
			}
		}
	}
	return split
}
