package job

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/data/container"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// source is one dataset: what is read, and how its type was found.
type source struct {
	data.Source
	// reason says why a type that was left out is the one chosen.
	reason string
	test   bool // to evaluate on
	err    error
}

// findSources finds the files and types of the datasets, those to evaluate on after those to train on.
// What is wrong with one is told once the data is needed: a model answers prompts without its training data.
func (j *Job) findSources() {
	for k, datasets := range [][]config.Dataset{j.Config.Datasets, j.Config.TestDatasets} {
		for i := range datasets {
			d := &datasets[i]
			s := source{Source: data.Source{Name: d.Path.Text, Type: string(d.Type), Columns: d.Columns, Limit: d.Limit, Weight: d.Weight}, test: k == 1}
			if s.err = j.findSource(&s, d); s.err == nil {
				d.Type = config.DatasetType(s.Type)
			}
			j.sources = append(j.sources, s)
		}
	}
}

func (j *Job) findSource(s *source, d *config.Dataset) error {
	path, err := j.resolve(d.Path)
	if err != nil {
		return err
	}
	split := d.Split
	if st, err := os.Stat(path); err == nil && s.test && !st.IsDir() && split == "validation" {
		split = container.Train // the default of test_datasets is for folders
	}
	if s.Files, err = container.Find(path, split); err != nil {
		return err
	}
	if s.Type == "" {
		s.Type, s.reason, err = data.Recognise(j.Formats, s.Source)
		return err
	}
	if len(s.Columns) == 0 {
		return nil
	}
	t, err := j.Formats.Type(s.Type)
	if err != nil {
		return err
	}
	return data.CheckColumns(s.Name, t, s.Columns)
}

// dataSources are the sources, where all were found.
func (j *Job) dataSources() ([]data.Source, error) {
	var all []data.Source
	for _, s := range j.sources {
		if s.err != nil {
			return nil, s.err
		}
		if s.reason != "" {
			j.Progress.Print("dataset %s: type %q, since %s", s.Name, s.Type, s.reason)
		}
		all = append(all, s.Source)
	}
	return all, nil
}

// Bounds of the cache of tokenised data.
const (
	cacheFrom = 1 << 20  // bytes of data files
	cacheMost = 20 << 30 // bytes of the cache folder
)

func (j *Job) cache() data.Cache {
	p := j.Config.Data.DatasetPreparedPath
	switch {
	case p.None, p.Auto && j.CacheDir == "":
		return data.Cache{}
	case p.Auto:
		return data.Cache{Dir: filepath.Join(j.CacheDir, "tokens"), MinBytes: cacheFrom, MaxBytes: cacheMost}
	}
	return data.Cache{Dir: p.Folder.Name} // the user's own folder is not tidied up
}

// tokenSettings are all that decides what tokens a record becomes, beside what
// the data package knows itself: this very program, the plugins, tokenizer, template and what of it is trained.
func (j *Job) tokenSettings() (any, error) {
	program, err := programHash()
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, path := range tokenizer.Parts(j.Text.path) {
		hash, err := hashFile(path)
		if err != nil {
			return nil, err
		}
		parts = append(parts, hash)
	}
	types := map[string]string{}
	for _, s := range j.sources {
		t, err := j.Formats.Type(s.Type)
		if err != nil {
			return nil, err
		}
		types[s.Type] = t.Identity
	}
	return []any{program, parts, types, chat.Version, j.Text.Template.Source(), j.Text.special, j.Text.Options}, nil
}

// programHash tells builds of this program apart: any of them may bring
// records into other tokens.
var programHash = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return hashFile(path)
})

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hashing %s: %w", path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hashing %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
